import { rolesOf } from './provision.ts'
import type { DatabaseNeeds } from './service.ts'

/** Runs a statement as a role that sees the whole catalog. */
export type Look = <R extends object>(text: string, values?: unknown[]) => Promise<R[]>

/** Which namespaces `n` are the service's own; the job queue's schema is graphile-worker's. */
export const ours = `n.nspname not in ('pg_catalog', 'information_schema', 'graphile_worker', 'pg_toast')`

interface Table {
  name: string
  owner: string
  secured: boolean
  tenant: boolean
}

interface Key {
  table: string
  name: string
  kind: 'p' | 'u' | 'x' | 'f'
  columns: string[]
  target: string | null
  targetColumns: string[] | null
}

/**
 * What in a database does not keep tenants apart: every table is bound to a tenant by row-level security and by its
 * keys, or is declared with the reason why not. Answers one sentence for each fault.
 */
export async function tenantFaults(
  look: Look,
  service: string,
  { unscoped, spanning = {} }: Pick<DatabaseNeeds, 'unscoped' | 'spanning'>,
): Promise<string[]> {
  const tables = await look<Table>(
    `select c.relname as name, pg_get_userbyid(c.relowner) as owner,
            c.relrowsecurity and c.relforcerowsecurity as secured,
            exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant'
                    and a.atttypid = 'uuid'::regtype and a.attnotnull and not a.attisdropped) as tenant
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and ${ours} order by c.relname`,
  )
  const scoped = tables.filter((table) => !Object.hasOwn(unscoped, table.name))
  const names = new Set(scoped.map((table) => table.name))
  return [
    ...declarationFaults(tables, unscoped),
    ...scoped.flatMap(tableFaults),
    ...(await policyFaults(look, service, names, spanning)),
    ...(await keyFaults(look, names)),
    ...(await viewFaults(look)),
    ...(await roleFaults(look, service, tables)),
  ]
}

function declarationFaults(tables: Table[], unscoped: Readonly<Record<string, string>>): string[] {
  const known = new Map(tables.map((table) => [table.name, table]))
  return Object.entries(unscoped).flatMap(([name, reason]) => {
    const table = known.get(name)
    if (!table) return [`${name}: is declared as unscoped, but there is no such table`]
    if (table.secured) return [`${name}: is declared as unscoped, but has row-level security`]
    return reason.trim() === '' ? [`${name}: is declared as unscoped without a reason`] : []
  })
}

function tableFaults(table: Table): string[] {
  return [
    ...(table.tenant ? [] : [`${table.name}: has no column tenant uuid not null`]),
    ...(table.secured ? [] : [`${table.name}: row-level security is not both enabled and forced`]),
  ]
}

async function policyFaults(
  look: Look,
  service: string,
  scoped: Set<string>,
  spanning: Readonly<Record<string, string>>,
): Promise<string[]> {
  const app = rolesOf(service).app
  const policies = await look<{ table: string; name: string; tenant: boolean }>(
    `select tablename as table, policyname as name,
            permissive = 'PERMISSIVE' and cmd = 'ALL' and qual = '(tenant = app_tenant())'
              and (with_check is null or with_check = qual) as tenant
     from pg_policies n where permissive = 'PERMISSIVE' and roles && array['public', $1]::name[]
       and ${ours.replace('n.nspname', 'n.schemaname')}`,
    [app],
  )
  const open = policies.filter((policy) => !policy.tenant)
  const found = new Set(open.map((policy) => `${policy.table}.${policy.name}`))
  const bound = new Set(policies.filter((policy) => policy.tenant).map((policy) => policy.table))
  return [
    ...[...scoped]
      .filter((table) => !bound.has(table))
      .map((table) => `${table}: has no policy using (tenant = app_tenant())`),
    ...open
      .filter(({ table, name }) => !spanning[`${table}.${name}`]?.trim())
      .map(
        ({ table, name }) => `${table}: policy ${name} lets ${app} past the tenant without a declared reason`,
      ),
    ...Object.keys(spanning)
      .filter((name) => !found.has(name))
      .map((name) => `${name}: is declared as spanning, but there is no such policy`),
  ]
}

async function keyFaults(look: Look, scoped: Set<string>): Promise<string[]> {
  const columns = (table: string, keys: string) =>
    `(select array_agg(a.attname::text order by k.place) from unnest(${keys}) with ordinality k (number, place)
      join pg_attribute a on a.attrelid = ${table} and a.attnum = k.number)`
  const keys = await look<Key>(
    `select c.relname as table, i.relname as name, case when x.indisprimary then 'p' else 'u' end as kind,
            ${columns('c.oid', 'x.indkey::int2[]')} as columns, null as target, null as "targetColumns"
     from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
       join pg_namespace n on n.oid = c.relnamespace
     where x.indisunique and c.relkind in ('r', 'p') and ${ours}
     union all
     select c.relname, k.conname, k.contype::text, ${columns('c.oid', 'k.conkey')}, t.relname,
            ${columns('t.oid', 'k.confkey')}
     from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
       left join pg_class t on t.oid = k.confrelid
     where k.contype in ('f', 'x') and ${ours}
     order by 1, 2`,
  )
  return keys.flatMap((key) => {
    const where = `${key.table}: ${key.name}`
    if (key.kind === 'f') {
      if (!scoped.has(key.target!)) return []
      const place = key.targetColumns!.indexOf('tenant')
      // The check of a foreign key bypasses row-level security.
      return place >= 0 && key.columns[place] === 'tenant'
        ? []
        : [`${where} refers to a row of any tenant of ${key.target}`]
    }
    if (!scoped.has(key.table)) return []
    if (key.kind === 'x')
      return key.columns.includes('tenant') ? [] : [`${where} excludes rows across tenants`]
    return key.columns[0] === 'tenant'
      ? []
      : [`${where} is unique across tenants, or does not begin with tenant`]
  })
}

/** A view shows what its owner may see, a materialized one what its owner saw. */
async function viewFaults(look: Look): Promise<string[]> {
  const views = await look<{ name: string; kind: string }>(
    `select c.relname as name, c.relkind as kind from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where ${ours} and (c.relkind = 'm' or c.relkind = 'v'
       and not coalesce('security_invoker=true' = any (c.reloptions), false)) order by 1`,
  )
  return views.map(({ name, kind }) =>
    kind === 'm' ? `${name}: a materialized view knows no tenant` : `${name}: a view needs security_invoker`,
  )
}

async function roleFaults(look: Look, service: string, tables: Table[]): Promise<string[]> {
  const { owner, app, worker } = rolesOf(service)
  const roles = await look<{ name: string; faults: string[] }>(
    `select rolname as name, array_remove(array[
        case when rolsuper then 'is a superuser' end,
        case when rolbypassrls then 'bypasses row-level security' end,
        case when rolcreaterole then 'may create roles' end,
        case when rolname <> $1 and pg_has_role(rolname, $1, 'MEMBER') then 'is a member of ' || $1 end,
        case when rolname = $2 and pg_has_role(rolname, $3, 'MEMBER') then 'is a member of ' || $3 end
      ], null) as faults from pg_roles where rolname in ($1, $2, $3)`,
    [owner, app, worker],
  )
  const grants = await look<{ table: string; grantee: string; right: string }>(
    `select c.relname as table, case g.grantee when 0 then 'everybody' else pg_get_userbyid(g.grantee) end as grantee,
            g.privilege_type as right
     from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) g
     where ${ours} and c.relkind in ('r', 'p', 'v') and (g.grantee = 0
       or g.grantee <> c.relowner and g.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER'))`,
  )
  return [
    ...roles.flatMap((role) => role.faults.map((fault) => `role ${role.name} ${fault}`)),
    ...tables
      .filter((table) => table.owner !== owner)
      .map((table) => `${table.name}: is owned by ${table.owner}, not by ${owner}`),
    // TRUNCATE, and the checks of foreign keys, are not bound by row-level security.
    ...grants.map(({ table, grantee, right }) => `${table}: ${grantee} has the right to ${right}`),
  ]
}
