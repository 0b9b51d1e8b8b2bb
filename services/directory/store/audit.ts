import { exactInstantOf } from '#kit/sql.ts'
import type { Tx } from '#kit/tx.ts'

export interface AuditRow {
  id: string
  at: string
  account: string
  client: string
  operation: string
  object: string
  objectId: string
  requestId: string
  before: unknown
  after: unknown
  erased: boolean
}

/** What was done to an object, the latest first; `before` is the id of the last entry of the page before. */
export const readAudit = (
  tx: Tx,
  options: { object: string; id: string; before: string | null; limit: number },
): Promise<AuditRow[]> =>
  tx.query(
    `select a.id, ${exactInstantOf('a.at')} as at, a.account, a.client, a.operation, a.object, a.object_id as "objectId",
            a.request_id as "requestId", v.before, v.after, v.audit_id is null as erased
     from audit a left join audit_value v on v.tenant = a.tenant and v.audit_id = a.id
     where a.object = $1 and a.object_id = $2 and ($3::uuid is null or a.id < $3)
     order by a.id desc limit $4`,
    [options.object, options.id, options.before, options.limit],
    'audit_read',
  )
