import type { Account, Facts } from './account.ts'
import { type Settlement, settle } from './settlement.ts'

/**
 * The accruals, carry-over and expiry to come through a day, as if nothing else happened; and the account as it will be
 * then, for `usableOn` and `availableOn`. The account must be settled through today, as lockAccount and readAccount
 * answer it.
 */
export const forecast = (facts: Facts, account: Account, through: string): Settlement =>
  settle(facts, account, through)
