import { run } from '#kit/process.ts'
import { lifecycleService } from './service.ts'

await run(lifecycleService, {
  migrations: new URL('./migrations/', import.meta.url),
  serve: async (runtime) => (await import('./app.ts')).createLifecycleApp(runtime),
  work: async (runtime) => (await import('./jobs.ts')).work(runtime),
})
