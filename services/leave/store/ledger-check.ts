import type { Tx } from '#kit/tx.ts'

/** Counted, since of `exists` the planner may look through all rows of the company at once, for each batch anew. */
const any = (rows: string) => `(select count(*) from ${rows}) > 0`

/**
 * What holds of each account `a` of the ledger, whatever has happened, and no constraint can say: for each a condition
 * on accounts that break it.
 */
const broken = {
  /** The balance is the sum of the entries. */
  balance: `a.balance <> (
    select coalesce(sum(e.amount), 0) from entry e where e.tenant = a.tenant and e.account_id = a.id)`,

  /** The balance is not below its floor, and there is a floor unless the type has no limit. */
  floor: `a.balance < a.floor or (a.floor is null) <> (
    select t.overdraft is null from leave_type t where t.tenant = a.tenant and t.id = a.type_id)`,

  /** What remains of each lot, and what was carried over out of it, are sums of its entries. */
  lots: any(`lot l
      left join (
        select e.lot_id, sum(e.amount) as remaining, -sum(e.amount) filter (where e.cause = 'carried-out') as carried
        from entry e where e.tenant = a.tenant and e.account_id = a.id group by e.lot_id) s on s.lot_id = l.id
    where l.tenant = a.tenant and l.account_id = a.id
      and (l.remaining, l.carried) <> (coalesce(s.remaining, 0), coalesce(s.carried, 0))`),

  /** Of a lot that is over nothing is left: it lapsed, or was carried over. */
  'closed-lots': any(`lot l
    where l.tenant = a.tenant and l.account_id = a.id and l.closed_on is not null and l.remaining > 0`),

  /** A reversal gives back what an entry has taken: as much, to the same lot, for the same day and request. */
  reversals: any(`entry e left join entry taken on taken.tenant = e.tenant and taken.id = e.reverses
    where e.tenant = a.tenant and e.account_id = a.id and e.reverses is not null
      and (e.account_id, e.lot_id, e.amount, e.effective_on, e.request_id) is distinct from
        (taken.account_id, taken.lot_id, -taken.amount, taken.effective_on, taken.request_id)`),

  /** Each day of a request that is pending or approved is paid by its entries; of others nothing is. */
  requests: any(`(
        select e.request_id, e.effective_on as date, -sum(e.amount) as amount
        from entry e where e.tenant = a.tenant and e.account_id = a.id and e.request_id is not null
        group by e.request_id, e.effective_on) paid
      full join (
        select d.request_id, d.date, d.amount
        from leave_request r join leave_request_day d on d.tenant = r.tenant and d.request_id = r.id
        where r.tenant = a.tenant and r.employee_id = a.employee_id and r.account_id = a.id
          and r.state in ('pending', 'approved')) cost
      using (request_id, date)
    where coalesce(paid.amount, 0) <> coalesce(cost.amount, 0)`),
} as const

export type Invariant = keyof typeof broken
export const invariants = Object.keys(broken) as Invariant[]

export interface CheckedAccount {
  id: string
  /** Those that it breaks. */
  broken: Invariant[]
}

/**
 * Looks at accounts in the order of their ids, in one statement: each sum is of the same instant as what it is held
 * against.
 */
export const checkAccounts = (tx: Tx, after: string | null, limit: number): Promise<CheckedAccount[]> =>
  tx.query<CheckedAccount>(
    `select a.id, array_remove(array[${invariants
      .map((invariant) => `case when ${broken[invariant]} then '${invariant}' end`)
      .join(', ')}], null) as broken
     from account a
     where ($1::uuid is null or a.id > $1)
       -- What is being deleted goes table by table.
       and exists (select from company c where c.tenant = a.tenant)
     order by a.id limit $2`,
    [after, limit],
    'ledger_check',
  )
