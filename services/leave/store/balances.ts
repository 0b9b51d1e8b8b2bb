import { instantOf } from '#kit/sql.ts'
import type { Tx } from '#kit/tx.ts'
import type { Account } from '../domain/account.ts'
import type { Amount } from '../domain/amount.ts'
import type { EntryDraft, EntryKind, Lot } from '../domain/model.ts'
import { type AccountRow, lotColumns, selectAccount } from './ledger.ts'

/** What is booked in an account, looked at from a day. */
export interface Sums {
  /** Of what takes effect up to that day. */
  booked: Amount
  /** What is requested or approved for days after it. */
  later: Amount
  /** What of all requests nobody has approved yet. */
  pending: Amount
}

/** All accounts of an employee by leave type, as they are stored. */
export async function readAccounts(
  tx: Tx,
  employeeId: string,
  day: string,
): Promise<Map<string, Account & { sums: Sums }>> {
  const [rows, lots] = await Promise.all([
    tx.query<AccountRow & { sums: Sums }>(
      `select a.*, json_build_object('booked', coalesce(s.booked, 0), 'later', coalesce(s.later, 0),
         'pending', coalesce((
           select sum(amount) from leave_request r where r.account_id = a.id and r.state = 'pending'), 0)) as sums
       from (${selectAccount} where employee_id = $1) a cross join lateral (
         select sum(amount) filter (where effective_on <= $2) as booked,
           -sum(amount) filter (where effective_on > $2 and request_id is not null) as later
         from entry e where e.account_id = a.id) s`,
      [employeeId, day],
      'balances_read',
    ),
    tx.query<Lot & { accountId: string }>(
      `select l.account_id as "accountId", ${lotColumns} from lot l
       where l.account_id in (select id from account where employee_id = $1)`,
      [employeeId],
      'balances_lots',
    ),
  ])
  const byAccount = Map.groupBy(lots, ({ accountId }) => accountId)
  return new Map(
    rows.map((row) => [
      row.typeId,
      { ...row, lots: (byAccount.get(row.id) ?? []).map(({ accountId: _, ...lot }) => lot) },
    ]),
  )
}

export interface StatementEntry extends EntryDraft {
  id: string
  kind: EntryKind
  bookedAt: string
  reason: string | null
}

/** All entries of an account that take effect up to a day, in that order. */
export const readEntries = (tx: Tx, accountId: string, through: string): Promise<StatementEntry[]> =>
  tx.query<StatementEntry>(
    `select e.id, e.lot_id as "lotId", e.kind, e.amount::float8 as amount, e.effective_on::text as "effectiveOn",
       ${instantOf('e.booked_at')} as "bookedAt",
       e.request_id as "requestId", e.period, e.cause, r.reason
     from entry e left join entry_reason r on r.tenant = e.tenant and r.entry_id = e.id
     where e.account_id = $1 and e.effective_on <= $2
     order by e.effective_on, e.number`,
    [accountId, through],
    'statement_read',
  )

export async function readPolicyNames(tx: Tx, typeId: string): Promise<Map<string, string>> {
  const rows = await tx.query<{ id: string; name: string }>(
    'select id, name from leave_policy where type_id = $1',
    [typeId],
    'policy_names',
  )
  return new Map(rows.map(({ id, name }) => [id, name]))
}

export const insertReasons = (tx: Tx, entryIds: readonly string[], reasons: readonly string[]) =>
  tx.query(
    `insert into entry_reason (tenant, entry_id, reason)
     select app_tenant(), * from unnest($1::uuid[], $2::text[])`,
    [entryIds, reasons],
    'reasons_insert',
  )
