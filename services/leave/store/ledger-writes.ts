import { randomUUIDv7 } from 'node:crypto'
import type { Tx } from '#kit/tx.ts'
import type { Account } from '../domain/account.ts'
import type { EntryDraft, Lot } from '../domain/model.ts'

/** What happens to an account that is locked. */
export interface Change {
  before: Account
  after: Account
  entries: readonly EntryDraft[]
  /** It is not stored yet. */
  isNew?: boolean
}

/**
 * Writes changes of any number of accounts in one statement, which adds up the entries that it inserts: balances and what
 * remains in lots are their sums. Answers with the ids of the entries in their order.
 */
export async function saveChanges(tx: Tx, changes: readonly Change[], bookedAt: Date): Promise<string[]> {
  const written = changes.filter(isWritten)
  if (written.length === 0) return []
  const entries = written.flatMap(({ before, entries }) =>
    entries.map((entry) => ({ ...entry, id: randomUUIDv7(), accountId: before.id })),
  )
  const opened = written.filter(({ isNew }) => isNew).map(({ after }) => after)
  const accounts = written.filter(({ isNew }) => !isNew).map(({ after }) => after)
  const lots = written.flatMap(lotsOf)
  const newLots = lots.filter(({ isNew }) => isNew)
  const oldLots = lots.filter(({ isNew }) => !isNew).map(({ lot }) => lot)
  await tx.query(
    statement,
    [
      bookedAt,
      entries.map(({ id }) => id),
      entries.map(({ accountId }) => accountId),
      entries.map(({ lotId }) => lotId),
      entries.map(({ kind }) => kind),
      entries.map(({ amount }) => amount),
      entries.map(({ effectiveOn }) => effectiveOn),
      entries.map(({ requestId }) => requestId ?? null),
      entries.map(({ reverses }) => reverses ?? null),
      entries.map(({ period }) => period ?? null),
      entries.map(({ cause }) => cause ?? null),
      opened.map(({ id }) => id),
      opened.map(({ employeeId }) => employeeId),
      opened.map(({ typeId }) => typeId),
      opened.map(({ since }) => since),
      opened.map(({ floor }) => floor),
      opened.map(({ settledThrough }) => settledThrough),
      opened.map(({ dueOn }) => dueOn),
      accounts.map(({ id }) => id),
      accounts.map(({ floor }) => floor),
      accounts.map(({ settledThrough }) => settledThrough),
      accounts.map(({ dueOn }) => dueOn),
      newLots.map(({ lot }) => lot.id),
      newLots.map(({ accountId }) => accountId),
      newLots.map(({ lot }) => lot.origin),
      newLots.map(({ lot }) => lot.yearFrom),
      newLots.map(({ lot }) => lot.usableFrom),
      newLots.map(({ lot }) => lot.usableTo),
      newLots.map(({ lot }) => lot.rated),
      newLots.map(({ lot }) => lot.closedOn),
      oldLots.map(({ id }) => id),
      oldLots.map(({ rated }) => rated),
      oldLots.map(({ closedOn }) => closedOn),
    ],
    // For many the planner should see how many: a plan for few would compare each with each.
    written.length === 1 ? 'ledger_write' : undefined,
  )
  return entries.map(({ id }) => id)
}

const statement = `
  with booked as (
    insert into entry (tenant, booked_at, id, account_id, lot_id, kind, amount, effective_on, request_id, reverses,
      period, cause)
    select app_tenant(), $1, * from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::date[],
      $8::uuid[], $9::uuid[], $10::text[], $11::text[])
    returning account_id, lot_id, amount, cause),
  in_account as (
    select account_id, sum(amount)::bigint as amount from booked group by account_id),
  in_lot as (
    select lot_id, sum(amount)::bigint as amount,
      coalesce(-sum(amount) filter (where cause = 'carried-out'), 0)::bigint as carried
    from booked group by lot_id),
  opened as (
    insert into account (tenant, id, employee_id, type_id, since, floor, settled_through, due_on, balance)
    select app_tenant(), u.*, coalesce(s.amount, 0)
    from unnest($12::uuid[], $13::uuid[], $14::uuid[], $15::date[], $16::bigint[], $17::date[], $18::date[])
      as u (id, employee_id, type_id, since, floor, settled_through, due_on)
      left join in_account s on s.account_id = u.id),
  changed as (
    update account a
    set balance = a.balance + coalesce(s.amount, 0), floor = u.floor, settled_through = u.settled_through,
      due_on = u.due_on, version = a.version + 1
    from unnest($19::uuid[], $20::bigint[], $21::date[], $22::date[]) as u (id, floor, settled_through, due_on)
      left join in_account s on s.account_id = u.id
    where a.id = u.id),
  made as (
    insert into lot (tenant, id, account_id, origin, year_from, usable_from, usable_to, rated, closed_on, remaining,
      carried)
    select app_tenant(), u.*, coalesce(s.amount, 0), coalesce(s.carried, 0)
    from unnest($23::uuid[], $24::uuid[], $25::text[], $26::date[], $27::date[], $28::date[], $29::bigint[],
        $30::date[]) as u (id, account_id, origin, year_from, usable_from, usable_to, rated, closed_on)
      left join in_lot s on s.lot_id = u.id)
  update lot l
  set remaining = l.remaining + coalesce(s.amount, 0), carried = l.carried + coalesce(s.carried, 0), rated = u.rated,
    closed_on = u.closed_on
  from unnest($31::uuid[], $32::bigint[], $33::date[]) as u (id, rated, closed_on)
    left join in_lot s on s.lot_id = u.id
  where l.id = u.id`

/** That it is settled through a later day need not be kept as long as nothing was due until then. */
const isWritten = ({ before, after, entries, isNew }: Change): boolean =>
  isNew === true ||
  entries.length > 0 ||
  before.floor !== after.floor ||
  before.dueOn !== after.dueOn ||
  before.lots.length !== after.lots.length ||
  lotsOf({ before, after }).length > 0

/** The version that the account then has. */
export const versionAfter = (change: Change): number =>
  change.isNew || !isWritten(change) ? change.before.version : change.before.version + 1

/** Lots that are new or another than before. */
function lotsOf({ before, after }: Pick<Change, 'before' | 'after'>) {
  const old = new Map(before.lots.map((lot) => [lot.id, lot]))
  return after.lots
    .filter((lot) => differs(lot, old.get(lot.id)))
    .map((lot) => ({ accountId: before.id, lot, isNew: !old.has(lot.id) }))
}

const differs = (lot: Lot, old: Lot | undefined): boolean =>
  !old ||
  old.remaining !== lot.remaining ||
  old.carried !== lot.carried ||
  old.rated !== lot.rated ||
  old.closedOn !== lot.closedOn
