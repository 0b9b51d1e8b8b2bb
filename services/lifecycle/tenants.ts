import { type Call, callerOf } from '#kit/call.ts'
import type { Database } from '#kit/database.ts'
import { commanding, type Input, refuse } from './access.ts'
import type { Clients } from './clients.ts'
import { type Progress, progressOf } from './domain/process.ts'
import { orNull } from './steps/missing.ts'
import { begin, cancel, findBySubject } from './store.ts'

const day = 24 * 60 * 60 * 1000

/** Tenants themselves are identity's; what takes long is begun here and goes on in the worker. */
export const tenantHandlers = (database: Database, clients: Clients) => ({
  async createTenant(input: Input<'createTenant'>, call: Call) {
    const { tenant, admin } = await clients.identity(call).createTenant(input)
    // Called again after a lost answer: the same tenant, and a new link that ends the lost one.
    const inTenant = await callIn(clients, tenant.id, call)
    const invitation = await clients.identity(inTenant).issueInvitation({ accountId: admin.id })
    return { ...tenant, firstAdmin: { accountId: admin.id, invitation } }
  },

  async inviteAdministrator({ tenantId, accountId }: Input<'inviteAdministrator'>, call: Call) {
    const identity = clients.identity(await callIn(clients, tenantId, call))
    const scope = { reach: 'all' } as const
    const account = await orNull('account-not-found', identity.getAccount({ accountId, scope }))
    const isAdministrator = account?.roles.some(({ role, reach }) => role === 'hr-admin' && reach === 'all')
    // A link is as good as the account: once in use, the account is nobody's business here.
    if (!isAdministrator || account?.status !== 'invited') throw refuse('administrator-not-found')
    return identity.issueInvitation({ accountId })
  },

  getTenant: ({ tenantId: id }: Input<'getTenant'>, call: Call) => clients.identity(call).getTenant({ id }),

  async suspendTenant({ tenantId: id, reason }: Input<'suspendTenant'>, call: Call) {
    assertOther(id, call)
    return clients.identity(call).suspendTenant({ id, reason })
  },

  resumeTenant: ({ tenantId: id }: Input<'resumeTenant'>, call: Call) =>
    clients.identity(call).resumeTenant({ id }),

  async deleteTenant(input: Input<'deleteTenant'>, call: Call) {
    assertOther(input.tenantId, call)
    const tenant = await clients.identity(call).getTenant({ id: input.tenantId })
    return commanding(database, call, input, async (tx) => {
      if (tenant.status === 'deleted') throw refuse('tenant-deleted')
      const running = await findBySubject(tx, tenant.id, 'tenant-deletion', tenant.id, 'for update')
      if (running) assertRevocable(running.progress)
      const deleteAt = new Date(tx.now.getTime() + input.graceDays * day).toISOString()
      const progress: Progress<'tenant-deletion'> = { phase: 'close', deleteAt, rounds: 0 }
      const process = await begin(
        tx,
        { tenant: tenant.id, kind: 'tenant-deletion', subject: tenant.id, progress },
        tx.now,
      )
      tx.audit({ object: 'tenant', id: tenant.id, after: { deleteAt } })
      return process
    })
  },

  keepTenant: (input: Input<'keepTenant'>, call: Call) =>
    commanding(database, call, input, async (tx) => {
      const { tenantId } = input
      const running = await findBySubject(tx, tenantId, 'tenant-deletion', tenantId, 'for update')
      if (!running || running.why === 'cancelled') throw refuse('deletion-not-found')
      const progress = assertRevocable(running.progress)
      tx.audit({ object: 'tenant', id: tenantId, before: { deleteAt: progress.deleteAt }, after: {} })
      return cancel(tx, tenantId, running.id, { ...progress, phase: 'cancelled' }, tx.now)
    }),
})

/** Nobody would be left who could undo it. */
function assertOther(tenantId: string, call: Call): void {
  if (tenantId === callerOf(call).tenant) throw refuse('own-tenant')
}

/** An operator's request goes on in the tenant that it is about. */
const callIn = (clients: Clients, tenant: string, call: Call) =>
  clients.jobCall({
    tenant,
    operation: call.operation,
    idempotencyKey: call.idempotencyKey,
    deadline: call.deadline - Date.now(),
    traceparent: call.traceparent,
  })

/** What has been removed can't be brought back, so from then on the deletion goes on to its end. */
function assertRevocable(stored: unknown): Progress<'tenant-deletion'> {
  const progress = progressOf['tenant-deletion'].parse(stored)
  if (['remove', 'remove-leave', 'forget', 'removed'].includes(progress.phase)) throw refuse('deletion-begun')
  return progress
}
