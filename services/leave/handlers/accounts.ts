import { randomUUIDv7 } from 'node:crypto'
import { type Call, callerOf } from '#kit/call.ts'
import { assertScope } from '#kit/caller.ts'
import type { CommandTx } from '#kit/command.ts'
import type { Database } from '#kit/database.ts'
import { cutPage } from '#kit/page.ts'
import { DomainError } from '#kit/problem.ts'
import { assertWholeTenant } from '#kit/scope.ts'
import { transactional } from '#kit/server.ts'
import type { Clock } from '../clock.ts'
import { accountOperations } from '../contract/accounts.ts'
import { newLot, usableOn } from '../domain/account.ts'
import { allocate } from '../domain/allocation.ts'
import { amountOf, inUnits } from '../domain/amount.ts'
import type { Lot } from '../domain/model.ts'
import { refuse } from '../domain/refuse.ts'
import { grantByFile } from '../grants/file.ts'
import { lastDayAt, startRun } from '../runs.ts'
import { balancesOf, statementOf } from '../statement.ts'
import { insertReasons } from '../store/balances.ts'
import { idCursor } from '../store/cursor.ts'
import { appendEntries, lockAccountOf, type SettledAccount } from '../store/ledger.ts'
import { loadPerson, lockPerson } from '../store/people.ts'
import { loadClosedThrough } from '../store/rules.ts'
import { listRuns, type Run, readRun } from '../store/runs.ts'
import { assertReaches } from '../store/scope.ts'

/** Balances, statements, what HR grants and adjusts, and runs. */
export const accountHandlers = (database: Database, clock: Clock) => ({
  ...transactional({ operations: accountOperations }, database, {
    async listBalances({ employeeId, asOf, scope }, tx) {
      await assertReaches(tx, scope, employeeId, true)
      return { items: await balancesOf(tx, employeeId, clock(), asOf) }
    },

    async getStatement({ scope, ...asked }, tx) {
      await assertReaches(tx, scope, asked.employeeId, true)
      return statementOf(tx, asked, clock())
    },

    async grantLeave({ employeeId, typeId, amount, usableFrom, usableTo, reason, scope }, tx) {
      await assertReaches(tx, scope, employeeId, false)
      if (usableTo !== null && usableTo < usableFrom)
        throw refuse('ends-before-start', { pointer: '/usableTo' })
      const account = await lockForHr(tx, employeeId, typeId, clock())
      await assertOpenOn(tx, usableFrom, '/usableFrom')
      const lot = newLot({ id: randomUUIDv7(), origin: 'grant', usableFrom, usableTo })
      const entry = {
        lotId: lot.id,
        kind: 'grant',
        amount: amountOf(amount),
        effectiveOn: usableFrom,
      } as const
      const [entryId] = await appendEntries(tx, account, [entry], { newLots: [lot] })
      await insertReasons(tx, [entryId!], [reason])
      tx.emit({ kind: 'leave-granted', id: account.id, version: account.version, changed: ['balance'] })
      tx.audit({ object: 'leave-account', id: account.id, after: { amount, usableFrom, usableTo, reason } })
      return { entryId: entryId!, balance: inUnits(account.balance) }
    },

    async adjustBalance({ employeeId, typeId, amount, effectiveOn, reason, scope }, tx) {
      await assertReaches(tx, scope, employeeId, false)
      const account = await lockForHr(tx, employeeId, typeId, clock())
      const date = effectiveOn ?? account.today
      await assertOpenOn(tx, date, '/effectiveOn')
      const { parts, newLots } =
        amount > 0 ? addedTo(account, date, amount) : takenFrom(account, date, -amount)
      const entryIds = await appendEntries(
        tx,
        account,
        parts.map((part) => ({ ...part, kind: 'adjustment', effectiveOn: date })),
        { newLots },
      )
      await insertReasons(
        tx,
        entryIds,
        entryIds.map(() => reason),
      )
      tx.emit({ kind: 'balance-adjusted', id: account.id, version: account.version, changed: ['balance'] })
      tx.audit({ object: 'leave-account', id: account.id, after: { amount, effectiveOn: date, reason } })
      return { entryIds, balance: inUnits(account.balance) }
    },

    async startLeaveRun({ through, scope }, tx) {
      assertWholeTenant(scope)
      const now = clock()
      if (through !== undefined && through > lastDayAt(now))
        throw new DomainError('invalid-input', {
          errors: [
            { pointer: '/through', rule: 'not-in-future', detail: 'What is not due yet is not booked' },
          ],
        })
      const id = await startRun(tx, now, through)
      tx.audit({ object: 'leave-run', id, after: { through } })
      return shown(await readRun(tx, id))
    },

    async getLeaveRun({ runId, scope }, tx) {
      assertWholeTenant(scope)
      return shown(await readRun(tx, runId))
    },

    async listLeaveRuns({ cursor, limit, scope }, tx) {
      assertWholeTenant(scope)
      const { items, next } = cutPage(await listRuns(tx, idCursor(cursor), limit + 1), limit)
      return { items: items.map(shown), next }
    },
  }),

  /** Idempotent by itself: a row that was granted is not granted again. */
  async grantLeaveByFile({ dryRun }: { dryRun: 'true' | 'false' }, call: Call) {
    assertScope(callerOf(call), { reach: 'all' })
    return grantByFile(database, call, clock(), dryRun === 'true')
  },
})

async function lockForHr(
  tx: CommandTx,
  employeeId: string,
  typeId: string,
  now: Date,
): Promise<SettledAccount> {
  await lockPerson(tx, employeeId)
  return lockAccountOf(tx, await loadPerson(tx, employeeId), typeId, now)
}

async function assertOpenOn(tx: CommandTx, date: string, pointer: string): Promise<void> {
  const closedThrough = await loadClosedThrough(tx)
  if (closedThrough !== null && date <= closedThrough)
    throw refuse('period-closed', { pointer, detail: `It is closed through ${closedThrough}` })
}

interface Parts {
  parts: { lotId: string; amount: number }[]
  newLots: Lot[]
}

/** To the entitlement of that day, else to what can be taken longest, else to a grant of its own. */
function addedTo({ lots }: SettledAccount, date: string, amount: number): Parts {
  const usable = usableOn(lots, date).filter(({ origin }) => origin !== 'overdraft')
  const lot = usable.findLast(({ origin }) => origin === 'entitlement') ?? usable.at(-1)
  const made = lot ? [] : [newLot({ id: randomUUIDv7(), origin: 'grant', usableFrom: date })]
  return { parts: [{ lotId: (lot ?? made[0]!).id, amount: amountOf(amount) }], newLots: made }
}

/** As leave on that day would be. */
function takenFrom(account: SettledAccount, date: string, amount: number): Parts {
  const { takings, newLots, lacking } = allocate(
    account.facts,
    account,
    [{ date, amount: amountOf(amount) }],
    null,
    randomUUIDv7,
  )
  if (lacking > 0)
    throw refuse('insufficient-balance', {
      pointer: '/amount',
      detail: `There is ${inUnits(lacking)} too little on ${date}`,
    })
  return { parts: takings.map(({ lotId, amount }) => ({ lotId, amount: -amount })), newLots }
}

function shown(run: Run | undefined) {
  if (!run) throw refuse('leave-run-not-found')
  const { employees, total, entries, failed } = run
  return { ...run, progress: { employees, total, entries, failed } }
}
