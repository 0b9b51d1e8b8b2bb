import pg from 'pg'
import { type Environment, required } from './config.ts'

/** Credentials of the roles of one service's database. */
export interface Roles {
  owner: string
  app: string
  worker: string
}

export const rolesOf = (service: string): Roles => ({
  owner: `${service}_owner`,
  app: service,
  worker: `${service}_worker`,
})

/**
 * Creates a service's roles and database where missing: the owner migrates, the app role serves bound by row-level
 * security, the worker role owns nothing but the job queue. Only these may connect.
 */
export async function provision(options: {
  /** Connection of a superuser (or of a role that may create databases and roles). */
  superuserUrl: string
  service: string
  /** Database name; the service's unless told. */
  database?: string
  passwords: Roles
}): Promise<Record<keyof Roles, string>> {
  const database = options.database ?? options.service
  const roles = rolesOf(options.service)
  const client = new pg.Client({ connectionString: options.superuserUrl })
  await client.connect()
  try {
    for (const kind of ['owner', 'app', 'worker'] as const)
      await client.query(
        `do $$ begin create role ${name(roles[kind])} login nosuperuser nobypassrls; exception when duplicate_object then null; end $$;
         alter role ${name(roles[kind])} password ${client.escapeLiteral(options.passwords[kind])}`,
      )
    await client.query(`grant ${name(roles.worker)} to ${name(roles.owner)} with set true, inherit false`)
    const found = await client.query('select 1 from pg_database where datname = $1', [database])
    if (found.rowCount === 0)
      await client.query(`create database ${name(database)} owner ${name(roles.owner)}`)
    await client.query(
      `revoke all on database ${name(database)} from public;
       grant connect on database ${name(database)} to ${name(roles.app)}, ${name(roles.worker)};
       grant create on database ${name(database)} to ${name(roles.worker)}`,
    )
  } finally {
    await client.end()
  }
  const url = (kind: keyof Roles) => {
    const result = new URL(options.superuserUrl)
    result.username = roles[kind]
    result.password = options.passwords[kind]
    result.pathname = `/${database}`
    return result.href
  }
  return { owner: url('owner'), app: url('app'), worker: url('worker') }
}

/**
 * What `main.ts provision` needs: a superuser's connection, and those of the roles as the service will use them, whose
 * passwords the roles get.
 */
export function readProvisionConfig(service: string, env: Environment = process.env) {
  const roles = rolesOf(service)
  const passwordIn = (variable: string, role: string) => {
    const url = new URL(required(env, variable))
    if (url.username !== role) throw new Error(`${variable} must be a connection of the role ${role}`)
    return decodeURIComponent(url.password)
  }
  return {
    superuserUrl: required(env, 'SUPERUSER_URL'),
    service,
    database: new URL(required(env, 'DATABASE_URL')).pathname.slice(1),
    passwords: {
      owner: passwordIn('DATABASE_OWNER_URL', roles.owner),
      app: passwordIn('DATABASE_URL', roles.app),
      worker: passwordIn('QUEUE_DATABASE_URL', roles.worker),
    },
  }
}

function name(identifier: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(identifier))
    throw new Error(`Not a usable name of a role or database: ${identifier}`)
  return identifier
}
