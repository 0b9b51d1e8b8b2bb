import { randomUUIDv7 } from 'node:crypto'
import type { Call } from '#kit/call.ts'
import type { CommandTx } from '#kit/command.ts'
import type { Database } from '#kit/database.ts'
import { log } from '#kit/log.ts'
import type { Clock } from './clock.ts'
import { earlier } from './domain/dates.ts'
import { todayOf } from './domain/person.ts'
import { settle } from './domain/settlement.ts'
import { isAnythingDue, lockDue, nextEmployees } from './store/ledger-batch.ts'
import { type Change, saveChanges } from './store/ledger-writes.ts'
import { knownCompanies } from './store/people.ts'
import { holdRules } from './store/rules.ts'
import { endRun, insertRun, lockRun, readOpenRun, saveProgress } from './store/runs.ts'

/** Employees of one transaction: many to spread its cost, few enough that nobody waits for long. */
const batchSize = 10_000

/** The day that it is where it begins first. */
export const lastDayAt = (now: Date): string =>
  new Date(now.getTime() + 14 * 3_600_000).toISOString().slice(0, 10)

/** Starts a run; refused while one is under way. */
export async function startRun(tx: CommandTx, now: Date, through = lastDayAt(now)): Promise<string> {
  const id = randomUUIDv7()
  await insertRun(tx, { id, through, startedAt: now })
  enqueueRun(tx, id)
  return id
}

/** One job a company: a second one would wait for the first, batch by batch. */
const enqueueRun = (tx: CommandTx, runId: string) =>
  tx.enqueue({ task: 'settle-company', payload: { runId }, key: `settle-company/${tx.tenant}` })

/** Starts a run in each company where something is due, and goes on with those that have got stuck. */
export async function settleCompanies(database: Database, call: Call, clock: Clock): Promise<void> {
  for (const tenant of await database.unscoped(call, knownCompanies))
    await database.write(
      call,
      async (tx) => {
        const open = await readOpenRun(tx)
        if (open) enqueueRun(tx, open.id)
        else if (await isAnythingDue(tx, clock(), lastDayAt(clock()))) await startRun(tx, clock())
      },
      tenant,
    )
}

/**
 * Books what is due of all employees, in the order of their ids. Each batch is a transaction that also says how far the
 * run has got: it goes on from there after a crash, and two at once take turns.
 */
export async function settleCompany(
  database: Database,
  call: Call,
  clock: Clock,
  runId: string,
): Promise<void> {
  for (let more = true; more; ) more = await database.write(call, (tx) => settleBatch(tx, runId, clock()))
}

async function settleBatch(tx: CommandTx, runId: string, now: Date): Promise<boolean> {
  await holdRules(tx)
  const run = await lockRun(tx, runId)
  if (!run || run.state === 'done') return false
  const employees = await nextEmployees(tx, run.cursor, batchSize)
  const cursor = employees.at(-1)
  if (cursor === undefined) {
    await endRun(tx, runId)
    return false
  }
  const changes: Change[] = []
  let entries = 0
  let failed = 0
  for (const { account: before, isNew, facts } of await lockDue(tx, employees, now, run.through)) {
    try {
      const settled = settle(facts, before, earlier(todayOf(facts.person, now), run.through))
      changes.push({ before, after: settled.account, entries: settled.entries, isNew })
      entries += settled.entries.length
    } catch (error) {
      // One account is no reason for the others to wait.
      log.error({ err: error, tenant: tx.tenant, account: before.id }, 'cannot settle an account')
      failed++
    }
  }
  await saveChanges(tx, changes, now)
  await saveProgress(tx, runId, { cursor, employees: employees.length, entries, failed })
  return true
}
