import type { Tx } from '#kit/tx.ts'
import type { Amount } from '../domain/amount.ts'

/** What a later change of calendars, patterns, policies or employments did to a request. */
export interface RequestChange {
  id: string
  requestId: string
  at: Date
  cause: 'holidays' | 'working-pattern' | 'policy' | 'employment'
  before: Amount
  after: Amount
  outcome: 're-rated' | 'insufficient-balance'
}

/** Notes a change; false where the last one of the request says the same. */
export async function insertChange(tx: Tx, change: RequestChange): Promise<boolean> {
  const rows = await tx.query(
    `insert into leave_request_change (tenant, request_id, id, at, cause, before, after, outcome)
     select app_tenant(), $1, $2, $3::timestamptz, $4, $5::bigint, $6::bigint, $7
     where not exists (
       select from (select * from leave_request_change where request_id = $1 order by id desc limit 1) last
       where (last.cause, last.before, last.after, last.outcome) = ($4, $5, $6, $7))
     returning 1`,
    [change.requestId, change.id, change.at, change.cause, change.before, change.after, change.outcome],
    'request_change_insert',
  )
  return rows.length > 0
}
