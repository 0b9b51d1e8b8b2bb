import { service } from '#kit/service.ts'
import { leaveContract } from './contract.ts'

export const leaveService = service({
  contract: leaveContract,
  database: {
    pool: 10,
    unscoped: {
      company: 'which companies there are, so that the clock finds those for whom something is due',
    },
  },
  worker: true,
  calls: {},
  slo: { availability: 0.999, latency: { query: 200, command: 500 } },
  scaling: { min: 2, max: 10, cpu: 70 },
})
