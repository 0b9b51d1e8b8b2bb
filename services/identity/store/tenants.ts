import type { CommandTx } from '#kit/command.ts'
import { instantOf } from '#kit/sql.ts'
import type { Tx } from '#kit/tx.ts'

export interface Tenant {
  id: string
  slug: string
  companyName: string
  status: 'active' | 'suspended' | 'deleted'
  createdAt: string
  version: number
}

const columns = `id, slug, company_name as "companyName", status, version::float8 as version,
  ${instantOf('created_at')} as "createdAt"`

export async function readTenant(tx: Tx, id: string): Promise<Tenant | undefined> {
  const [row] = await tx.query<Tenant>(`select ${columns} from tenant where id = $1`, [id], 'tenant_read')
  return row
}

/** Reads a tenant and keeps it from being changed until the transaction ends. */
export async function lockTenant(tx: Tx, id: string): Promise<Tenant | undefined> {
  const [row] = await tx.query<Tenant>(`select ${columns} from tenant where id = $1 for update`, [id])
  return row
}

export async function insertTenant(tx: Tx, tenant: { id: string; slug: string; companyName: string }) {
  const [row] = await tx.query<Tenant>(
    `insert into tenant (id, slug, company_name) values ($1, $2, $3) returning ${columns}`,
    [tenant.id, tenant.slug, tenant.companyName],
  )
  return row!
}

export async function setTenantStatus(tx: Tx, id: string, status: Tenant['status']): Promise<Tenant> {
  const [row] = await tx.query<Tenant>(
    `update tenant set status = $2, version = version + 1, updated_at = now() where id = $1 returning ${columns}`,
    [id, status],
  )
  return row!
}

/** Leaves a tombstone: the id, so that nothing of the tenant ever comes back to life; the short name is free again. */
export async function buryTenant(tx: Tx, id: string): Promise<Tenant> {
  await tx.query('delete from client where tenant = $1', [id])
  await tx.query('delete from account where tenant = $1', [id])
  await tx.query('delete from audit_value where tenant = $1', [id])
  await tx.query(`update tenant set slug = id::text, company_name = '' where id = $1`, [id])
  return setTenantStatus(tx, id, 'deleted')
}

/** Does something in another tenant than the caller's: only where tenants themselves are managed. */
export async function inTenant<T, X extends Tx | CommandTx>(
  tx: X,
  tenant: string,
  work: (tx: X) => Promise<T>,
) {
  const enter = (id: string) => tx.query(`select set_config('app.tenant', $1, true)`, [id])
  await enter(tenant)
  const result = await work({ ...tx, tenant })
  await enter(tx.tenant)
  return result
}
