import type { Tx } from '#kit/tx.ts'
import type { Standing } from '../domain/account.ts'
import type { Assignment } from '../domain/roles.ts'

/** Statements of transactions that begin without a tenant: each finds it and goes on inside it. */

export async function findLogin(tx: Tx, slug: string, email: string) {
  const tenant = await enter(tx, 'select id from tenant where slug = $1', slug)
  if (!tenant) return undefined
  const [row] = await tx.query<Standing & { account: string; passwordHash: string }>(
    `select a.id as account, a.status, a.active_until as "activeUntil", t.status as "tenantStatus",
       c.password_hash as "passwordHash"
     from account a join tenant t on t.id = a.tenant
       join credential c on c.tenant = a.tenant and c.account = a.id
     where a.email = $1`,
    [email],
    'login_find',
  )
  return row && { ...row, tenant }
}

export async function recordLogin(tx: Tx, tenant: string, account: string): Promise<void> {
  await tx.query(`select set_config('app.tenant', $1, true)`, [tenant])
  await tx.query('update account set last_login_at = now() where id = $1', [account])
}

export interface Subject extends Standing {
  account: string
  tenant: string
  employeeId: string | null
  email: string
  displayName: string | null
  roles: Assignment[]
}

/** What tokens say about an account. */
export async function findSubject(tx: Tx, account: string): Promise<Subject | undefined> {
  const tenant = await enter(tx, 'select tenant from account_tenant where account = $1', account)
  if (!tenant) return undefined
  const [row] = await tx.query<Subject>(
    `select a.id as account, a.tenant, a.employee_id as "employeeId", a.email, a.display_name as "displayName",
       a.status, a.active_until as "activeUntil", t.status as "tenantStatus",
       (select coalesce(json_agg(json_build_object('role', r.role, 'reach', r.reach)), '[]')
        from role_assignment r where r.tenant = a.tenant and r.account = a.id) as roles
     from account a join tenant t on t.id = a.tenant where a.id = $1`,
    [account],
    'subject_find',
  )
  return row
}

/** Sets the tenant that the statement finds for the rest of the transaction. */
async function enter(tx: Tx, find: string, key: string): Promise<string | undefined> {
  const [row] = await tx.query<{ tenant: string | null }>(
    `select set_config('app.tenant', coalesce((${find})::text, ''), true) as tenant`,
    [key],
  )
  return row!.tenant || undefined
}
