import type { z } from 'zod'
import type { Tx } from '#kit/tx.ts'
import type { leavePolicy, leaveType } from '../contract/configuration.ts'
import type { negativeBalance } from '../contract/schemas.ts'
import { type Amount, amountOf, inUnits } from '../domain/amount.ts'
import type { PolicyRules } from '../domain/model.ts'
import { refuse } from '../domain/refuse.ts'

export type LeaveTypeView = z.output<typeof leaveType>
export type LeavePolicyView = z.output<typeof leavePolicy>
type NegativeBalance = z.output<typeof negativeBalance>

type TypeRow = Omit<LeaveTypeView, 'negativeBalance'> & { overdraft: Amount | null }

const typeColumns = `id, code, name, unit, paid, overdraft::float8 as overdraft, open, version::float8 as version`

const typeView = ({ overdraft, ...row }: TypeRow): LeaveTypeView => ({
  ...row,
  negativeBalance: negativeBalanceOf(overdraft),
})

const overdraftOf = (negative: NegativeBalance): Amount | null =>
  negative.kind === 'unlimited' ? null : negative.kind === 'none' ? 0 : amountOf(negative.limit)

const negativeBalanceOf = (overdraft: Amount | null): NegativeBalance =>
  overdraft === null
    ? { kind: 'unlimited' }
    : overdraft === 0
      ? { kind: 'none' }
      : { kind: 'capped', limit: inUnits(overdraft) }

export async function insertType(tx: Tx, type: Omit<LeaveTypeView, 'open' | 'version'>): Promise<void> {
  await tx.query(
    'insert into leave_type (tenant, id, code, name, unit, paid, overdraft) values ($1, $2, $3, $4, $5, $6, $7)',
    [tx.tenant, type.id, type.code, type.name, type.unit, type.paid, overdraftOf(type.negativeBalance)],
    'type_insert',
  )
}

export async function readType(tx: Tx, id: string): Promise<LeaveTypeView> {
  const [row] = await tx.query<TypeRow>(
    `select ${typeColumns} from leave_type where id = $1`,
    [id],
    'type_read',
  )
  if (!row) throw refuse('leave-type-not-found')
  return typeView(row)
}

export async function typeExists(tx: Tx, id: string): Promise<boolean> {
  const rows = await tx.query('select 1 from leave_type where id = $1', [id], 'type_exists')
  return rows.length > 0
}

export async function updateType(tx: Tx, type: LeaveTypeView): Promise<void> {
  await tx.query(
    `update leave_type set code = $2, name = $3, paid = $4, overdraft = $5, open = $6, version = version + 1
     where id = $1`,
    [type.id, type.code, type.name, type.paid, overdraftOf(type.negativeBalance), type.open],
    'type_update',
  )
}

/** Lets the balances of a type fall as far as it says now. Who owes more than that goes on owing it, but not more. */
export async function resetFloors(tx: Tx, { id, negativeBalance }: LeaveTypeView): Promise<void> {
  await tx.query(
    `update account set floor = case when $2::bigint is not null then least(-$2::bigint, balance) end,
       version = version + 1
     where type_id = $1`,
    [id, overdraftOf(negativeBalance)],
    'floors_reset',
  )
}

export async function listTypes(
  tx: Tx,
  { open, after, limit }: { open: boolean | null; after: string | null; limit: number },
): Promise<LeaveTypeView[]> {
  const rows = await tx.query<TypeRow>(
    `select ${typeColumns} from leave_type
     where ($1::uuid is null or code > (select code from leave_type where id = $1))
       and ($2::boolean is null or open = $2)
     order by code limit $3`,
    [after, open, limit],
    'types_list',
  )
  return rows.map(typeView)
}

const policyColumns = `
  p.id, p.code, p.name, p.type_id as "typeId", p.rank, v.valid_from::text as "effectiveFrom", v.rules,
  p.version::float8 as version`

/** Policies `p` with the version `v` in force on the date `asOf`; before the first one that. */
const policiesOn = (asOf: string) => `
  leave_policy p cross join lateral (
    select v.valid_from, v.rules from leave_policy_version v
    where v.tenant = p.tenant and v.policy_id = p.id
    order by v.valid_from > ${asOf}, abs(v.valid_from - ${asOf}) limit 1) v`

export async function insertPolicy(tx: Tx, policy: Omit<LeavePolicyView, 'version'>): Promise<void> {
  await tx.query(
    'insert into leave_policy (tenant, id, type_id, code, name, rank) values ($1, $2, $3, $4, $5, $6)',
    [tx.tenant, policy.id, policy.typeId, policy.code, policy.name, policy.rank],
    'policy_insert',
  )
  await putRules(tx, policy.id, policy.effectiveFrom, policy.rules)
}

/** Rules from a date on, until those that follow. */
export async function putRules(tx: Tx, id: string, from: string, rules: PolicyRules): Promise<void> {
  await tx.query(
    `insert into leave_policy_version (tenant, policy_id, valid_from, rules) values ($1, $2, $3, $4)
     on conflict (tenant, policy_id, valid_from) do update set rules = excluded.rules`,
    [tx.tenant, id, from, JSON.stringify(rules)],
    'policy_rules_put',
  )
}

/** A policy as of a date. */
export async function readPolicy(tx: Tx, id: string, asOf: string): Promise<LeavePolicyView> {
  const [row] = await tx.query<LeavePolicyView>(
    `select ${policyColumns} from ${policiesOn('$2::date')} where p.id = $1`,
    [id, asOf],
    'policy_read',
  )
  if (!row) throw refuse('leave-policy-not-found')
  return row
}

export async function updatePolicy(
  tx: Tx,
  { id, code, name, rank }: Pick<LeavePolicyView, 'id' | 'code' | 'name' | 'rank'>,
): Promise<void> {
  await tx.query(
    'update leave_policy set code = $2, name = $3, rank = $4, version = version + 1 where id = $1',
    [id, code, name, rank],
    'policy_update',
  )
}

export const listPolicies = (
  tx: Tx,
  options: { typeId: string | null; asOf: string; after: string | null; limit: number },
): Promise<LeavePolicyView[]> =>
  tx.query(
    `select ${policyColumns} from ${policiesOn('$2::date')}
     where ($1::uuid is null or p.type_id = $1)
       and ($3::uuid is null or (p.rank, p.id) > ((select rank from leave_policy where id = $3), $3::uuid))
     order by p.rank, p.id limit $4`,
    [options.typeId, options.asOf, options.after, options.limit],
    'policies_list',
  )

/** Closes all days through one; answers with how often that was done. */
export async function putClosedThrough(tx: Tx, through: string): Promise<number> {
  const [row] = await tx.query<{ version: number }>(
    `insert into closed_period as c (tenant, through) values ($1, $2)
     on conflict (tenant) do update set through = excluded.through, version = c.version + 1
     returning version::float8 as version`,
    [tx.tenant, through],
    'closed_period_put',
  )
  return row!.version
}
