import { run } from '#kit/process.ts'
import { clockOf } from './clock.ts'
import { constraints } from './constraints.ts'
import { leaveService } from './service.ts'

await run(leaveService, {
  migrations: new URL('./migrations/', import.meta.url),
  constraints,
  serve: async ({ database, draining }) =>
    (await import('./app.ts')).createLeaveApp(database, clockOf(), { draining }),
  work: async ({ database }) => (await import('./jobs.ts')).leaveJobs(database, clockOf()),
})
