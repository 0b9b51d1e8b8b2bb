import type { Database } from '#kit/database.ts'
import type { JobsOptions } from '#kit/jobs.ts'
import { type Clock, systemClock } from './clock.ts'
import { rateEntitlementsAnew } from './entitlements.ts'
import { checkLedger, checkLedgers, countLedgersFromZero } from './ledger-check.ts'
import { findApproversAnew, findApproversOfMoved, rateRequestsAnew } from './rate-anew.ts'
import type { RulesChange } from './rules-change.ts'
import { settleCompanies, settleCompany } from './runs.ts'

export function leaveJobs(database: Database, clock: Clock = systemClock): JobsOptions {
  countLedgersFromZero()
  return {
    jobs: {
      'rate-anew': async (payload, call) => {
        const change = payload as unknown as RulesChange
        await rateEntitlementsAnew(database, call, clock, change)
        await rateRequestsAnew(database, call, clock, change)
      },
      'rate-employee-anew': async (payload, call) => {
        const employeeId = String(payload.employeeId)
        const change = { cause: 'employment', employeeId } as const
        await rateEntitlementsAnew(database, call, clock, change)
        await rateRequestsAnew(database, call, clock, change)
        await findApproversAnew(database, call, clock, employeeId)
      },
      'find-approvers': (_, call) => findApproversOfMoved(database, call, clock),
      'settle-companies': (_, call) => settleCompanies(database, call, clock),
      'settle-company': (payload, call) => settleCompany(database, call, clock, String(payload.runId)),
      'check-ledgers': (_, call) => checkLedgers(database, call),
      'check-ledger': ({ after }, call) => checkLedger(database, call, after == null ? null : String(after)),
    },
    schedule: {
      'find-approvers': '7 * * * *',
      'settle-companies': '2 * * * *',
      // Once a day, since it reads all entries there are.
      'check-ledgers': '41 3 * * *',
    },
  }
}
