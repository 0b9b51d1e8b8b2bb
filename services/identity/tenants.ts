import { randomUUIDv7 } from 'node:crypto'
import type { CommandTx } from '#kit/command.ts'
import type { Tx } from '#kit/tx.ts'
import { type Answer, demandOperator, demandTenant, type Input, refuse } from './access.ts'
import { viewOf } from './accounts.ts'
import { normalizeEmail } from './domain/account.ts'
import { endSessionsOfTenant, findOrInsertAccount, saveAccount, saveRoles } from './store/accounts.ts'
import * as store from './store/tenants.ts'

/** Creates a tenant and its first account, which administers it. */
export async function createTenant(
  tx: CommandTx,
  { slug, companyName, firstAdmin }: Input<'createTenant'>,
  { id = randomUUIDv7(), role = 'hr-admin' }: { id?: string; role?: 'hr-admin' | 'operator' } = {},
): Promise<Answer<'createTenant'>> {
  const tenant = await store.insertTenant(tx, { id, slug, companyName })
  tx.emit({ kind: 'tenant-created', id: tenant.id, version: 1, tenant: tenant.id })
  tx.audit({ object: 'tenant', id: tenant.id, after: { slug: tenant.slug, companyName: tenant.companyName } })
  const admin = await store.inTenant(tx, tenant.id, async (tx) => {
    const { account } = await findOrInsertAccount(tx, { email: normalizeEmail(firstAdmin.email) })
    const granted = [{ role, reach: 'all' as const }]
    await saveRoles(tx, account.id, 'granted', granted)
    return { ...(await saveAccount(tx, account, { displayName: firstAdmin.displayName })), granted }
  })
  tx.emit({ kind: 'account-provisioned', id: admin.id, version: admin.version, tenant: tenant.id })
  return { tenant, admin: viewOf(admin, tx.now) }
}

export const tenantHandlers = {
  async createTenant(input: Input<'createTenant'>, tx: CommandTx) {
    demandOperator(tx)
    return createTenant(tx, input)
  },

  async suspendTenant(input: Input<'suspendTenant'>, tx: CommandTx) {
    const before = await lock(tx, input.id)
    if (before.status === 'deleted') throw refuse('tenant-deleted')
    if (before.status === 'suspended') return before
    const after = await store.inTenant(tx, input.id, async (tx) => {
      await endSessionsOfTenant(tx)
      return store.setTenantStatus(tx, input.id, 'suspended')
    })
    return changed(tx, before, after, 'tenant-suspended', input.reason)
  },

  async resumeTenant(input: Input<'resumeTenant'>, tx: CommandTx) {
    const before = await lock(tx, input.id)
    if (before.status === 'deleted') throw refuse('tenant-deleted')
    if (before.status === 'active') return before
    return changed(tx, before, await store.setTenantStatus(tx, input.id, 'active'), 'tenant-resumed')
  },

  async deleteTenant(input: Input<'deleteTenant'>, tx: CommandTx) {
    const before = await lock(tx, input.id)
    if (before.status === 'deleted') return before
    const after = await store.inTenant(tx, input.id, async (tx) => {
      await endSessionsOfTenant(tx)
      return store.buryTenant(tx, input.id)
    })
    return changed(tx, before, after, 'tenant-deleted')
  },

  async getTenant(input: Input<'getTenant'>, tx: Tx) {
    if (input.id !== tx.tenant) demandTenant(tx, input.id)
    const tenant = await store.readTenant(tx, input.id)
    if (!tenant) throw refuse('tenant-not-found')
    return tenant
  },
}

async function lock(tx: CommandTx, id: string): Promise<store.Tenant> {
  demandTenant(tx, id)
  const tenant = await store.lockTenant(tx, id)
  if (!tenant) throw refuse('tenant-not-found')
  return tenant
}

function changed(tx: CommandTx, before: store.Tenant, after: store.Tenant, kind: string, reason?: string) {
  tx.emit({ kind, id: after.id, version: after.version, changed: ['status'], tenant: after.id })
  tx.audit({
    object: 'tenant',
    id: after.id,
    before: { status: before.status },
    after: { status: after.status, ...(reason ? { reason } : {}) },
  })
  return after
}
