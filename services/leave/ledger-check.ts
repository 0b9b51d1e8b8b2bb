import type { Call } from '#kit/call.ts'
import type { CommandTx } from '#kit/command.ts'
import type { Database } from '#kit/database.ts'
import { log } from '#kit/log.ts'
import { recorder } from '#kit/telemetry.ts'
import { checkAccounts, type Invariant, invariants } from './store/ledger-check.ts'
import { knownCompanies } from './store/people.ts'

/** Accounts of one job; with 160 entries each they take about a second. */
const batchSize = 1000
/** Of those that are found, how many a log line names. */
const named = 20

const count = (invariant: Invariant, accounts: number) =>
  recorder?.add('staffmesh.ledger.violations', accounts, { 'staffmesh.invariant': invariant })

/** Says that nothing was found yet, which is told from that nobody looks. */
export function countLedgersFromZero(): void {
  for (const invariant of invariants) count(invariant, 0)
}

/** Begins to look through the ledger of each company. */
export async function checkLedgers(database: Database, call: Call): Promise<void> {
  for (const tenant of await database.unscoped(call, knownCompanies))
    await database.write(call, async (tx) => enqueueCheck(tx, null), tenant)
}

/** One job a company at a time; each looks at some accounts and enqueues the next, so none is long or begins anew. */
const enqueueCheck = (tx: CommandTx, after: string | null) =>
  tx.enqueue({ task: 'check-ledger', payload: { after }, key: `check-ledger/${tx.tenant}` })

/**
 * Looks whether the invariants hold of the accounts of a company behind one of them, and changes nothing. What is found is
 * counted and logged each time, until somebody has put it right.
 */
export const checkLedger = (
  database: Database,
  call: Call,
  after: string | null,
  limit = batchSize,
): Promise<void> =>
  database.write(call, async (tx) => {
    const accounts = await checkAccounts(tx, after, limit)
    for (const invariant of invariants) {
      const found = accounts.filter(({ broken }) => broken.includes(invariant)).map(({ id }) => id)
      if (found.length === 0) continue
      count(invariant, found.length)
      const line = { tenant: tx.tenant, invariant, found: found.length, accounts: found.slice(0, named) }
      log.error(line, 'a ledger is wrong')
    }
    if (accounts.length === limit) enqueueCheck(tx, accounts.at(-1)!.id)
  })
