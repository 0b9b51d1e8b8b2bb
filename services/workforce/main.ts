import { run } from '#kit/process.ts'
import { workforceService } from './service.ts'

await run(workforceService, {
  async serve({ draining }) {
    const { createWorkforceApp } = await import('./app.ts')
    return createWorkforceApp({ draining })
  },
})
