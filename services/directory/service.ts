import { service } from '#kit/service.ts'
import { directoryContract } from './contract.ts'

export const directoryService = service({
  contract: directoryContract,
  database: { pool: 10 },
  worker: true,
  calls: {},
  slo: { availability: 0.999, latency: { query: 200, command: 500 } },
  scaling: { min: 2, max: 10, cpu: 70 },
})
