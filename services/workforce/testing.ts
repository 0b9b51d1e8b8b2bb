import { randomUUID } from 'node:crypto'
import { clientOf } from '#kit/client.ts'
import type { InputOf, OutputOf } from '#kit/contract.ts'
import { work } from '#kit/jobs.ts'
import { callerHeaders, post, serveApp, type TestCaller, testDatabase } from '#kit/testing.ts'
import { createDirectoryApp } from '../directory/app.ts'
import { constraints } from '../directory/constraints.ts'
import { directoryJobs } from '../directory/jobs.ts'
import { createIdentityApp } from '../identity/app.ts'
import { identityConfig } from '../identity/config.ts'
import { generateCookieKeys, generateSigningKeys } from '../identity/keys.ts'
import * as identity from '../identity/schema.ts'
import { createWorkforceApp } from './app.ts'
import { workforceContract } from './contract.ts'
import { requestOf } from './matrix/request.ts'
import { workforceService } from './service.ts'

const directoryMigrations = new URL('../directory/migrations/', import.meta.url)

type Operations = (typeof workforceContract)['operations']
export type OperationName = keyof Operations & string
export type Input<K extends OperationName> = InputOf<Operations[K]>
export type Output<K extends OperationName> = OutputOf<Operations[K]>

export interface Answer {
  status: number
  headers: Headers
  body: unknown
}

/** Workforce before the real data services, each with a database and a port of its own. */
export async function startWorkforce() {
  const [directoryDb, identityDb] = await Promise.all([
    testDatabase({ service: 'directory', migrations: directoryMigrations, constraints }),
    testDatabase({ service: 'identity', ...identity }),
  ])
  const config = identityConfig({
    publicUrl: 'http://localhost:8080',
    signingKeys: await generateSigningKeys(),
    cookieKeys: generateCookieKeys(),
  })
  const identityApp = createIdentityApp(identityDb.database, config)
  const directoryApp = createDirectoryApp(directoryDb.database)
  const [directoryServer, identityServer] = await Promise.all([serveApp(directoryApp), serveApp(identityApp)])
  const worker = await work('directory', directoryDb.urls.worker, directoryJobs(directoryDb.database))
  const app = createWorkforceApp(
    {},
    {
      directory: clientOf(workforceService, 'directory', directoryServer.url),
      identity: clientOf(workforceService, 'identity', identityServer.url),
    },
  )

  /** Sends an operation as a caller, or without a token. */
  async function send<K extends OperationName>(
    name: K,
    input: Input<K>,
    caller: TestCaller | undefined,
    csv?: string | Uint8Array<ArrayBuffer>,
  ): Promise<Answer> {
    const { path, init } = requestOf(workforceContract.operations[name], input, csv)
    const headers = { ...init.headers, ...(caller ? callerHeaders(caller) : {}) }
    const response = await app.request(path, { ...init, headers })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json')
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
  }

  /** Does an operation that must succeed. */
  async function act<K extends OperationName>(
    name: K,
    input: Input<K>,
    caller: TestCaller,
    csv?: string | Uint8Array<ArrayBuffer>,
  ): Promise<Output<K>> {
    const { status, body } = await send(name, input, caller, csv)
    if (status >= 300) throw new Error(`${name} answered ${status}: ${JSON.stringify(body)}`)
    return body as Output<K>
  }

  /** A company of its own; answers with its HR administrator, who has no employee. */
  async function newCompany(): Promise<TestCaller> {
    const slug = `co-${randomUUID().slice(0, 8)}`
    const firstAdmin = { email: `admin@${slug}.example`, displayName: 'The Administrator' }
    const operator: TestCaller = { tenant: randomUUID(), roles: ['operator:all'] }
    const answer = await post(identityApp, 'createTenant', { slug, companyName: slug, firstAdmin }, operator)
    const { tenant, admin } = answer.body as { tenant: { id: string }; admin: { id: string } }
    return { tenant: tenant.id, account: admin.id, roles: ['hr-admin:all'] }
  }

  return {
    app,
    directoryApp,
    identityApp,
    directoryUrl: directoryServer.url,
    identityUrl: identityServer.url,
    directoryDb,
    send,
    act,
    newCompany,
    async close() {
      await worker.stop()
      await Promise.all([directoryServer.close(), identityServer.close()])
      await Promise.all([directoryDb.close(), identityDb.close()])
    },
  }
}

export type TestWorkforce = Awaited<ReturnType<typeof startWorkforce>>
