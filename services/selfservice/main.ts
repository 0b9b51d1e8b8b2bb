import { run } from '#kit/process.ts'
import { selfserviceService } from './service.ts'

await run(selfserviceService, {
  async serve({ draining }) {
    const { createSelfserviceApp } = await import('./app.ts')
    return createSelfserviceApp({ draining })
  },
})
