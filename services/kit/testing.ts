import { createHash, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import pg from 'pg'
import { backgroundCall, type Call } from './call.ts'
import { encodeRoles, type Grant, identityHeaders } from './caller.ts'
import { type Constraints, Database } from './database.ts'
import { migrate } from './migrate.ts'
import { openPool } from './pool.ts'
import { provision } from './provision.ts'
import { kitMigrations, migrationFiles } from './schema-version.ts'

const superuserUrl = () => {
  const url = process.env.TEST_POSTGRES_URL
  if (!url)
    throw new Error('TEST_POSTGRES_URL is not set: run tests with vitest, whose set-up starts PostgreSQL')
  return url
}

export interface TestDatabase {
  database: Database
  urls: { owner: string; app: string; worker: string; superuser: string }
  /** Runs a statement as a superuser, past row-level security. */
  sudo<R extends object>(text: string, values?: unknown[]): Promise<R[]>
  close(): Promise<void>
}

/** A database of a service for one test file: cloned from a template that is migrated once per content. */
export async function testDatabase(options: {
  service: string
  migrations: URL
  constraints?: Constraints
  pool?: number
}): Promise<TestDatabase> {
  const { service, migrations } = options
  const passwords = { owner: 'owner', app: 'app', worker: 'worker' }
  const template = `template_${service}_${await contentHash(migrations)}`
  const name = `test_${service}_${randomUUID().replaceAll('-', '').slice(0, 12)}`
  const admin = new pg.Client({ connectionString: superuserUrl() })
  await admin.connect()
  let urls: Awaited<ReturnType<typeof provision>>
  try {
    // Test files run in parallel: one makes the template and touches the roles, the others wait.
    await admin.query(`select pg_advisory_lock(hashtext('test-template'))`)
    const exists = await admin.query('select 1 from pg_database where datname = $1 and datistemplate', [
      template,
    ])
    if (exists.rowCount === 0) {
      await admin.query(`drop database if exists ${template}`)
      const of = await provision({ superuserUrl: superuserUrl(), service, database: template, passwords })
      await migrate({ service, migrations, ownerUrl: of.owner, workerUrl: of.worker })
      await admin.query(`alter database ${template} is_template true`)
    }
    await admin.query(`create database ${name} template ${template} owner ${service}_owner`)
    urls = await provision({ superuserUrl: superuserUrl(), service, database: name, passwords })
  } finally {
    await admin.end()
  }
  const database = new Database({
    url: urls.app,
    pool: options.pool ?? 10,
    ...(options.constraints ? { constraints: options.constraints } : {}),
  })
  const sudoUrl = new URL(superuserUrl())
  sudoUrl.pathname = `/${name}`
  const sudo = openPool({ connectionString: sudoUrl.href, max: 2 })
  return {
    database,
    urls: { ...urls, superuser: sudoUrl.href },
    async sudo<R extends object>(text: string, values: unknown[] = []) {
      return (await sudo.query<R>(text, values)).rows
    },
    async close() {
      await Promise.all([database.close(), sudo.end()])
      const client = new pg.Client({ connectionString: superuserUrl() })
      await client.connect()
      await client.query(`drop database ${name} with (force)`)
      await client.end()
    },
  }
}

async function contentHash(migrations: URL): Promise<string> {
  const hash = createHash('sha256')
  for (const folder of [kitMigrations, migrations])
    for (const file of await migrationFiles(folder)) hash.update(await readFile(new URL(file, folder)))
  return hash.digest('hex').slice(0, 12)
}

export interface TestCaller {
  tenant: string
  account?: string
  client?: string
  employee?: string
  roles?: readonly `${Grant['role']}:${Grant['reach']}`[]
}

/** The headers that the edge or a sidecar makes of a verified token, for `app.request()`. */
export function callerHeaders(caller: TestCaller): Record<string, string> {
  return {
    [identityHeaders.tid]: caller.tenant,
    [identityHeaders.sub]: caller.account ?? '00000000-0000-7000-8000-000000000001',
    [identityHeaders.azp]: caller.client ?? 'test',
    ...(caller.employee ? { [identityHeaders.emp]: caller.employee } : {}),
    [identityHeaders.roles]: encodeRoles(caller.roles ?? ['hr-admin:all']),
  }
}

/** A call as the server would make it, for tests of a store. */
export function testCall(tenant: string, overrides: Partial<Call> = {}): Call {
  return { ...backgroundCall({ service: 'test', operation: 'test', tenant, deadline: 15_000 }), ...overrides }
}

/** Calls an operation of a data service's app the way a client does. */
export async function post(
  app: { request: (path: string, init: RequestInit) => Response | Promise<Response> },
  operation: string,
  input: unknown,
  caller: TestCaller,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown; headers: Headers }> {
  const response = await app.request(`/${operation}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
      ...callerHeaders(caller),
      ...headers,
    },
    body: JSON.stringify(input),
  })
  return { status: response.status, body: await response.json(), headers: response.headers }
}

/** Serves an app on a free port, for what `app.request()` cannot show: connections and hang-ups. */
export async function serveApp(app: {
  fetch: Parameters<typeof getRequestListener>[0]
}): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(getRequestListener(app.fetch))
  // As in listen.ts: the caller closes idle connections first, however busy this process is.
  server.keepAliveTimeout = 3_660_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Looks again and again until the fact is there. */
export async function until(fact: () => boolean | Promise<boolean>, patience = 10_000): Promise<void> {
  const end = Date.now() + patience
  while (!(await fact())) {
    if (Date.now() > end) throw new Error(`Not within ${patience} ms: ${fact}`)
    await sleep(20)
  }
}
