import { randomUUIDv7 } from 'node:crypto'
import type { Tx } from '#kit/tx.ts'
import type { Standing } from '../domain/account.ts'
import type { Assignment } from '../domain/roles.ts'

export interface Account extends Omit<Standing, 'tenantStatus'> {
  id: string
  employeeId: string | null
  email: string | null
  displayName: string | null
  sourceVersion: number
  hasPassword: boolean
  provisioned: Assignment[]
  granted: Assignment[]
  createdAt: Date
  lastLoginAt: Date | null
  version: number
}

const assignments = (source: string) => `(
  select coalesce(json_agg(json_build_object('role', r.role, 'reach', r.reach) order by r.role), '[]')
  from role_assignment r where r.tenant = a.tenant and r.account = a.id and r.source = '${source}')`

const columns = `a.id, a.employee_id as "employeeId", a.email, a.display_name as "displayName", a.status,
  a.active_until as "activeUntil", a.source_version::float8 as "sourceVersion", a.created_at as "createdAt",
  a.last_login_at as "lastLoginAt", a.version::float8 as version,
  exists (select from credential c where c.tenant = a.tenant and c.account = a.id) as "hasPassword",
  ${assignments('provisioned')} as provisioned, ${assignments('granted')} as granted`

/** `statusOf` of the domain, for filtering before the page is cut. */
const statusColumn = `case
  when a.status <> 'open' then a.status
  when a.active_until <= now() then 'disabled'
  when exists (select from credential c where c.tenant = a.tenant and c.account = a.id) then 'active'
  else 'invited' end`

/** By its own id, or by the employee whom it belongs to. */
export interface Whose {
  accountId?: string | undefined
  employeeId?: string | undefined
}

export async function readAccount(tx: Tx, { accountId, employeeId }: Whose): Promise<Account | undefined> {
  const [row] = accountId
    ? await tx.query<Account>(`select ${columns} from account a where a.id = $1`, [accountId], 'account_read')
    : await tx.query<Account>(
        `select ${columns} from account a where a.employee_id = $1`,
        [employeeId],
        'account_by_employee',
      )
  return row
}

/** Reads an account and keeps it from being changed until the transaction ends. */
export async function lockAccount(tx: Tx, { accountId, employeeId }: Whose): Promise<Account | undefined> {
  // Two statements: the second sees what a transaction that held the lock has committed.
  const [locked] = await tx.query<{ id: string }>(
    `select id from account where ${accountId ? 'id' : 'employee_id'} = $1 for update`,
    [accountId ?? employeeId],
  )
  return locked && readAccount(tx, { accountId: locked.id })
}

/**
 * The account of an employee, or without one of an e-mail address; made where missing. An account that was made
 * without an employee becomes the employee's when the address is the same. Of two at once one makes it.
 */
export async function findOrInsertAccount(
  tx: Tx,
  person: { employeeId?: string | undefined; email: string },
): Promise<{ account: Account; isNew: boolean }> {
  const { employeeId, email } = person
  if (employeeId)
    await tx.query(
      `update account set employee_id = $1 where email = $2 and employee_id is null
       and not exists (select from account where employee_id = $1)`,
      [employeeId, email],
    )
  const [inserted] = await tx.query<{ id: string }>(
    `insert into account (tenant, id, employee_id, email) values ($1, $2, $3, $4)
     on conflict (tenant, ${employeeId ? 'employee_id' : 'email'}) do nothing returning id`,
    [tx.tenant, randomUUIDv7(), employeeId ?? null, email],
  )
  if (inserted) {
    await tx.query('insert into account_tenant (account, tenant) values ($1, $2)', [inserted.id, tx.tenant])
    return { account: (await readAccount(tx, { accountId: inserted.id }))!, isNew: true }
  }
  const [found] = await tx.query<{ id: string }>(
    `select id from account where ${employeeId ? 'employee_id' : 'email'} = $1`,
    [employeeId ?? email],
  )
  return { account: (await lockAccount(tx, { accountId: found!.id }))!, isNew: false }
}

export type Changes = Partial<
  Pick<Account, 'email' | 'displayName' | 'status' | 'activeUntil' | 'sourceVersion'>
>

/** Writes an account whose row the transaction holds, as a new version. */
export async function saveAccount(tx: Tx, before: Account, changes: Changes): Promise<Account> {
  const after = { ...before, ...changes }
  await tx.query(
    `update account set email = $2, display_name = $3, status = $4, active_until = $5, source_version = $6,
       version = version + 1, updated_at = now()
     where id = $1`,
    [before.id, after.email, after.displayName, after.status, after.activeUntil, after.sourceVersion],
  )
  return { ...after, version: before.version + 1 }
}

/** Remembers the newest fact where nothing else changes: no new version. */
export async function saveSourceVersion(tx: Tx, id: string, sourceVersion: number): Promise<void> {
  await tx.query('update account set source_version = $2 where id = $1', [id, sourceVersion])
}

export async function saveRoles(
  tx: Tx,
  id: string,
  source: 'provisioned' | 'granted',
  roles: readonly Assignment[],
): Promise<void> {
  await tx.query('delete from role_assignment where account = $1 and source = $2', [id, source])
  await tx.query(
    `insert into role_assignment (tenant, account, source, role, reach)
     select $1, $2, $3, * from unnest($4::text[], $5::text[])`,
    [tx.tenant, id, source, roles.map(({ role }) => role), roles.map(({ reach }) => reach)],
  )
}

/** Pages through accounts in the order of their ids, which is that of their creation. */
export async function listAccounts(
  tx: Tx,
  filter: {
    after?: string | undefined
    limit: number
    employeeId?: string | undefined
    updatedSince?: string | undefined
    status?: 'invited' | 'active' | 'disabled' | 'erased' | undefined
  },
): Promise<Account[]> {
  return tx.query<Account>(
    `select ${columns} from account a
     where ($1::uuid is null or a.id > $1) and ($2::uuid is null or a.employee_id = $2)
       and ($3::timestamptz is null or a.updated_at >= $3) and ($4::text is null or ${statusColumn} = $4)
     order by a.id limit $5`,
    [
      filter.after ?? null,
      filter.employeeId ?? null,
      filter.updatedSince ?? null,
      filter.status ?? null,
      filter.limit,
    ],
  )
}

/** Waits for, and keeps out, others who change who administers the company. */
export async function lockAdministrators(tx: Tx): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('administrators/' || $1, 0))`, [tx.tenant])
}

/** Whether somebody else than this account administers the company. */
export async function hasOtherAdministrator(tx: Tx, id: string): Promise<boolean> {
  const rows = await tx.query(
    `select 1 from account a join role_assignment r on r.tenant = a.tenant and r.account = a.id
     where a.id <> $1 and a.status = 'open' and a.active_until is null
       and r.role = 'hr-admin' and r.reach = 'all' limit 1`,
    [id],
  )
  return rows.length > 0
}

/** Ends sessions, grants, codes and refresh tokens. Access tokens live on for their few minutes. */
export async function endSessions(tx: Tx, accounts: readonly string[]): Promise<void> {
  await tx.query('delete from oidc_artifact where account = any($1::uuid[])', [accounts])
}

export async function endSessionsOfTenant(tx: Tx): Promise<void> {
  await tx.query('delete from oidc_artifact where account in (select id from account)')
}

/** Erases personal values, the password and what the audit knows of them; the row and its history stay. */
export async function eraseAccount(tx: Tx, account: Account): Promise<Account> {
  await tx.query('delete from credential where account = $1', [account.id])
  await tx.query('delete from invitation where account = $1', [account.id])
  await tx.query('delete from role_assignment where account = $1', [account.id])
  await tx.query(`delete from audit_value where object = 'account' and object_id = $1`, [account.id])
  await endSessions(tx, [account.id])
  const erased = await saveAccount(tx, account, { email: null, displayName: null, status: 'erased' })
  return { ...erased, hasPassword: false, provisioned: [], granted: [] }
}
