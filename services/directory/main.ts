import { run } from '#kit/process.ts'
import { constraints } from './constraints.ts'
import { directoryService } from './service.ts'

await run(directoryService, {
  migrations: new URL('./migrations/', import.meta.url),
  constraints,
  serve: async ({ database, draining }) =>
    (await import('./app.ts')).createDirectoryApp(database, { draining }),
  work: async ({ database }) => (await import('./jobs.ts')).directoryJobs(database),
})
