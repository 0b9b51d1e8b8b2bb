import type { z } from 'zod'
import type { Tx } from '#kit/tx.ts'
import type { delegation } from '../contract/requests.ts'

export type Delegation = z.output<typeof delegation>

/**
 * Serializes delegations of a company: two that are no circle alone must not make one together. Taken before any row is
 * locked; ends with the transaction.
 */
export const lockDelegations = (tx: Tx) =>
  tx.query(
    `select pg_advisory_xact_lock(hashtext('leave-delegations'), hashtext($1))`,
    [tx.tenant],
    'delegations_lock',
  )

/** A day on which what is delegated would come back to who delegates it. */
export async function circleOf(
  tx: Tx,
  { delegatorId, delegateId, startsOn, endsOn }: Omit<Delegation, 'id' | 'version'>,
): Promise<string | undefined> {
  const [row] = await tx.query<{ day: string }>(
    `with recursive chain (id, starts_on, ends_on) as (
       select $2::uuid, $3::date, $4::date
       union
       select d.delegate_id, greatest(d.starts_on, c.starts_on), least(d.ends_on, c.ends_on)
       from chain c join delegation d on d.tenant = app_tenant() and d.delegator_id = c.id and not d.ended
         and d.starts_on <= c.ends_on and c.starts_on <= d.ends_on)
     select min(starts_on)::text as day from chain where id = $1 having count(*) > 0`,
    [delegatorId, delegateId, startsOn, endsOn],
    'delegation_circle',
  )
  return row?.day
}

export const insertDelegation = (tx: Tx, { id, delegatorId, delegateId, startsOn, endsOn }: Delegation) =>
  tx.query(
    `insert into delegation (tenant, id, delegator_id, delegate_id, starts_on, ends_on)
     values (app_tenant(), $1, $2, $3, $4, $5)`,
    [id, delegatorId, delegateId, startsOn, endsOn],
    'delegation_insert',
  )

const columns = `
  id, delegator_id as "delegatorId", delegate_id as "delegateId", starts_on::text as "startsOn",
  ends_on::text as "endsOn", version::float8 as version`

/** A delegation that was not taken back. */
export async function lockDelegation(tx: Tx, id: string): Promise<Delegation | undefined> {
  const [row] = await tx.query<Delegation>(
    `select ${columns} from delegation where id = $1 and not ended for no key update`,
    [id],
    'delegation_lock',
  )
  return row
}

export const markEnded = (tx: Tx, id: string) =>
  tx.query('update delegation set ended = true, version = version + 1 where id = $1', [id], 'delegation_end')

/** From and to an employee, those that are under way or to come on a day. */
export const listDelegations = (
  tx: Tx,
  list: { employeeId: string; today: string; after: string | null; limit: number },
): Promise<Delegation[]> =>
  tx.query(
    `select ${columns} from delegation
     where (delegator_id = $1 or delegate_id = $1) and not ended and ends_on >= $2
       and ($3::uuid is null or id > $3)
     order by id limit $4`,
    [list.employeeId, list.today, list.after, list.limit],
    'delegations_list',
  )
