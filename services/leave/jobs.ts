import type { Database } from '#kit/database.ts'
import type { JobsOptions } from '#kit/jobs.ts'
import { type Clock, systemClock } from './clock.ts'
import { findApproversAnew, findApproversOfMoved, rateRequestsAnew } from './rate-anew.ts'
import type { RulesChange } from './rules-change.ts'

export const leaveJobs = (database: Database, clock: Clock = systemClock): JobsOptions => ({
  jobs: {
    'rate-anew': (payload, call) =>
      rateRequestsAnew(database, call, clock, payload as unknown as RulesChange),
    'rate-employee-anew': async (payload, call) => {
      const employeeId = String(payload.employeeId)
      await rateRequestsAnew(database, call, clock, { cause: 'employment', employeeId })
      await findApproversAnew(database, call, clock, employeeId)
    },
    'find-approvers': (_, call) => findApproversOfMoved(database, call, clock),
  },
  schedule: { 'find-approvers': '7 * * * *' },
})
