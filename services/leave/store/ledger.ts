import { randomUUIDv7 } from 'node:crypto'
import type { Tx } from '#kit/tx.ts'
import { type Account, type Facts, floorOf, newLot } from '../domain/account.ts'
import type { Amount } from '../domain/amount.ts'
import type { EntryDraft, Lot, Person } from '../domain/model.ts'
import { todayOf } from '../domain/person.ts'
import { refuse } from '../domain/refuse.ts'
import { book, settle } from '../domain/settlement.ts'
import { saveChanges, versionAfter } from './ledger-writes.ts'
import { loadPolicies, loadSchedules, loadTypes } from './rules.ts'

/** An account that is settled through today, with what it was settled by. */
export interface SettledAccount extends Account {
  facts: Facts
  /** Where the employee works. */
  today: string
  /** The instant at which entries are booked. */
  now: Date
}

/**
 * The account of an employee for a leave type, to change it: made where there is none, kept from others until the
 * transaction ends, and settled through today, so that no request depends on when a job ran. After lockPerson.
 */
export async function lockAccount(tx: Tx, facts: Facts, now: Date): Promise<SettledAccount> {
  const stored = await lockStored(tx, facts)
  const before = stored ?? unopened(facts, await readSince(tx, now))
  const today = todayOf(facts.person, now)
  const { entries, account } = settle(facts, before, today)
  const floor = floorOf(facts.type, account.balance)
  const change = { before, after: { ...account, floor }, entries, isNew: !stored }
  await saveChanges(tx, [change], now)
  return { ...change.after, version: versionAfter(change), facts, today, now }
}

/** The same by all rules of the company there are. */
export async function lockAccountOf(
  tx: Tx,
  person: Person,
  typeId: string,
  now: Date,
): Promise<SettledAccount> {
  const [types, policies, schedules] = await Promise.all([
    loadTypes(tx),
    loadPolicies(tx),
    // By holidays nothing accrues.
    loadSchedules(tx, 'infinity', 'infinity'),
  ])
  const type = types.find(({ id }) => id === typeId)
  if (!type) throw refuse('leave-type-not-found', { pointer: '/typeId' })
  return lockAccount(tx, { person, type, policies, schedules }, now)
}

/** An account to look at, without a lock; `due` are entries that lockAccount would book. */
export async function readAccount(
  tx: Tx,
  facts: Facts,
  now: Date,
): Promise<SettledAccount & { due: EntryDraft[] }> {
  const key = [facts.person.id, facts.type.id]
  const [[row], lots] = await Promise.all([
    tx.query<AccountRow>(`${selectAccount} where employee_id = $1 and type_id = $2`, key, 'account_read'),
    tx.query<Lot>(selectLots, key, 'account_lots'),
  ])
  const stored = row ? { ...row, lots } : unopened(facts, await readSince(tx, now))
  const today = todayOf(facts.person, now)
  const { entries, account } = settle(facts, stored, today)
  return { ...account, due: entries, facts, today, now }
}

/**
 * Books entries, in lots of the account or in new ones, and answers with their ids; `account` becomes what it then is.
 * What is put into a lot that is closed goes the way that the rest of it went, at once. `floor` is given where a request
 * counts on accruals to come; what falls below it is refused by the database.
 */
export async function appendEntries(
  tx: Tx,
  account: SettledAccount,
  drafts: readonly EntryDraft[],
  { newLots = [], floor = account.floor }: { newLots?: readonly Lot[]; floor?: Amount | null } = {},
): Promise<string[]> {
  const { facts, today, now, ...before } = account
  const lots = [...before.lots, ...newLots.map((lot) => newLot(lot))]
  const booked = book(facts, { ...before, lots }, drafts)
  const settled = settle(facts, { ...booked.account, floor }, today)
  const entries = [...booked.entries, ...settled.entries]
  const change = { before, after: settled.account, entries }
  const ids = await saveChanges(tx, [change], now)
  Object.assign(account, settled.account, { version: versionAfter(change) })
  return ids.slice(0, drafts.length)
}

export type AccountRow = Omit<Account, 'lots'>

export const selectAccount = `
  select id, employee_id as "employeeId", type_id as "typeId", since::text as since, balance::float8 as balance,
    floor::float8 as floor, settled_through::text as "settledThrough", due_on::text as "dueOn",
    version::float8 as version
  from account`

export const lotColumns = `
  l.id, l.origin, l.year_from::text as "yearFrom", l.usable_from::text as "usableFrom",
  l.usable_to::text as "usableTo", l.remaining::float8 as remaining, l.rated::float8 as rated,
  l.carried::float8 as carried, l.closed_on::text as "closedOn"`

const selectLots = `
  select ${lotColumns} from lot l
  where l.account_id = (select id from account where employee_id = $1 and type_id = $2)`

/** Both are sent at once; the lots are read when the account is locked, not as they were before. */
async function lockStored(tx: Tx, { person, type }: Facts): Promise<Account | undefined> {
  const key = [person.id, type.id]
  const [[row], lots] = await Promise.all([
    tx.query<AccountRow>(
      `${selectAccount} where employee_id = $1 and type_id = $2 for no key update`,
      key,
      'account_lock',
    ),
    tx.query<Lot>(selectLots, key, 'account_lots'),
  ])
  return row && { ...row, lots }
}

/** The account of somebody of whom nothing is booked. */
export const unopened = ({ person, type }: Facts, since: string): Account => ({
  id: randomUUIDv7(),
  employeeId: person.id,
  typeId: type.id,
  since,
  balance: 0,
  floor: type.overdraft === null ? null : -type.overdraft,
  settledThrough: null,
  dueOn: since,
  version: 1,
  lots: [],
})

/** With the leave year of which day the ledgers of the company begin. */
export async function readSince(tx: Tx, now: Date): Promise<string> {
  const [row] = await tx.query<{ since: string }>(
    'select since::text as since from company where tenant = app_tenant()',
    [],
    'company_since',
  )
  return row?.since ?? now.toISOString().slice(0, 10)
}
