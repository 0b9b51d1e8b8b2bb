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
 * Writes changes of any number of accounts in a few statements; answers with the ids of the entries in their order. Of
 * entries that may happen once those that are there already stay, and are not doubled.
 */
export async function saveChanges(tx: Tx, changes: readonly Change[], bookedAt: Date): Promise<string[]> {
  const entries = changes.flatMap(({ before, entries }) =>
    entries.map((entry) => ({ ...entry, id: randomUUIDv7(), accountId: before.id })),
  )
  const lots = changes.flatMap(lotsOf)
  await Promise.all([
    insertAccounts(
      tx,
      changes.filter(({ isNew }) => isNew).map(({ after }) => after),
    ),
    saveAccounts(
      tx,
      changes.filter((change) => !change.isNew && isChanged(change)).map(({ after }) => after),
    ),
    insertLots(
      tx,
      lots.filter(({ old }) => !old),
    ),
    updateLots(
      tx,
      lots.filter(({ old, lot }) => old && isLotChanged(old, lot)).map(({ lot }) => lot),
    ),
    insertEntries(tx, entries, bookedAt),
  ])
  return entries.map(({ id }) => id)
}

function lotsOf({ before, after }: Change): { accountId: string; lot: Lot; old: Lot | undefined }[] {
  const old = new Map(before.lots.map((lot) => [lot.id, lot]))
  return after.lots.map((lot) => ({ accountId: before.id, lot, old: old.get(lot.id) }))
}

/** That it is settled through a later day need not be kept as long as nothing was due until then. */
const isChanged = ({ before, after }: Change): boolean =>
  before.floor !== after.floor ||
  before.dueOn !== after.dueOn ||
  (before.settledThrough !== after.settledThrough && before.lots !== after.lots)

/** What remains and was carried is the sum of entries, which the database keeps. */
const isLotChanged = (old: Lot, lot: Lot): boolean => old.rated !== lot.rated || old.closedOn !== lot.closedOn

async function insertAccounts(tx: Tx, accounts: readonly Account[]): Promise<void> {
  if (accounts.length === 0) return
  await tx.query(
    `insert into account (tenant, id, employee_id, type_id, since, floor, settled_through, due_on)
     select app_tenant(), * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::date[], $5::bigint[], $6::date[],
       $7::date[])`,
    [
      accounts.map(({ id }) => id),
      accounts.map(({ employeeId }) => employeeId),
      accounts.map(({ typeId }) => typeId),
      accounts.map(({ since }) => since),
      accounts.map(({ floor }) => floor && Math.min(floor, 0)),
      accounts.map(({ settledThrough }) => settledThrough),
      accounts.map(({ dueOn }) => dueOn),
    ],
    'accounts_insert',
  )
}

/** Before the entries: a floor is lowered for them, and raised up to the balance that there is before them. */
async function saveAccounts(tx: Tx, accounts: readonly Account[]): Promise<void> {
  if (accounts.length === 0) return
  await tx.query(
    `update account a set floor = case when u.floor is not null then least(u.floor, a.balance) end,
       settled_through = u.settled_through, due_on = u.due_on
     from unnest($1::uuid[], $2::bigint[], $3::date[], $4::date[]) as u (id, floor, settled_through, due_on)
     where a.id = u.id`,
    [
      accounts.map(({ id }) => id),
      accounts.map(({ floor }) => floor),
      accounts.map(({ settledThrough }) => settledThrough),
      accounts.map(({ dueOn }) => dueOn),
    ],
    'accounts_save',
  )
}

async function insertLots(tx: Tx, lots: readonly { accountId: string; lot: Lot }[]): Promise<void> {
  if (lots.length === 0) return
  await tx.query(
    `insert into lot (tenant, id, account_id, origin, year_from, usable_from, usable_to, rated, closed_on)
     select app_tenant(), * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::date[], $5::date[], $6::date[],
       $7::bigint[], $8::date[])`,
    [
      lots.map(({ lot }) => lot.id),
      lots.map(({ accountId }) => accountId),
      lots.map(({ lot }) => lot.origin),
      lots.map(({ lot }) => lot.yearFrom),
      lots.map(({ lot }) => lot.usableFrom),
      lots.map(({ lot }) => lot.usableTo),
      lots.map(({ lot }) => lot.rated),
      lots.map(({ lot }) => lot.closedOn),
    ],
    'lots_insert',
  )
}

async function updateLots(tx: Tx, lots: readonly Lot[]): Promise<void> {
  if (lots.length === 0) return
  await tx.query(
    `update lot l set rated = u.rated, closed_on = u.closed_on
     from unnest($1::uuid[], $2::bigint[], $3::date[]) as u (id, rated, closed_on)
     where l.id = u.id`,
    [lots.map(({ id }) => id), lots.map(({ rated }) => rated), lots.map(({ closedOn }) => closedOn)],
    'lots_save',
  )
}

async function insertEntries(
  tx: Tx,
  entries: readonly (EntryDraft & { id: string; accountId: string })[],
  bookedAt: Date,
): Promise<void> {
  if (entries.length === 0) return
  await tx.query(
    `insert into entry (tenant, booked_at, id, account_id, lot_id, kind, amount, effective_on, request_id, reverses,
       period, cause)
     select app_tenant(), $1, * from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::date[],
       $8::uuid[], $9::uuid[], $10::text[], $11::text[])
     on conflict (tenant, lot_id, kind, period) where period is not null do nothing`,
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
    ],
    'entries_insert',
  )
}
