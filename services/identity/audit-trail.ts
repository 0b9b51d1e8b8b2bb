import { instantOf } from '#kit/sql.ts'
import type { Tx } from '#kit/tx.ts'
import { type Answer, type Input, idFrom, isAdministrator, refuse } from './access.ts'
import { readAccount } from './store/accounts.ts'

type Entry = Answer<'getAuditTrail'>['items'][number]

/** Newest first. Who is no HR administrator sees his own account's trail, with the values masked. */
export async function getAuditTrail(input: Input<'getAuditTrail'>, tx: Tx): Promise<Answer<'getAuditTrail'>> {
  const { object, id, scope } = input
  if (scope.reach !== 'all') {
    const account = object === 'account' ? await readAccount(tx, { accountId: id }) : undefined
    if (account?.employeeId !== scope.employeeId) throw refuse('account-not-found')
  }
  const rows = await tx.query<Entry>(
    `select a.id, ${instantOf('a.at')} as at, a.account, a.client,
       a.operation, a.object, a.object_id as "objectId", a.request_id as "requestId", v.before, v.after
     from audit a left join audit_value v on v.tenant = a.tenant and v.audit_id = a.id
     where a.object = $1 and a.object_id = $2 and ($3::uuid is null or a.id < $3)
     order by a.id desc limit $4`,
    [object, id, idFrom(input.cursor) ?? null, input.limit + 1],
  )
  const items = rows.slice(0, input.limit)
  return {
    items: isAdministrator(tx)
      ? items
      : items.map((item) => ({ ...item, before: mask(item.before), after: mask(item.after) })),
    next: rows.length > input.limit ? items.at(-1)!.id : null,
  }
}

/** Which fields changed stays visible, what they held does not. */
const mask = (values: unknown) =>
  values === null || typeof values !== 'object'
    ? null
    : Object.fromEntries(Object.keys(values).map((key) => [key, '***']))
