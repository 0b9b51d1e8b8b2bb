import { randomUUID } from 'node:crypto'
import { backgroundCall } from '#kit/call.ts'
import type { InputOf, OutputOf } from '#kit/contract.ts'
import { work } from '#kit/jobs.ts'
import { post, serveApp, type TestCaller, testDatabase } from '#kit/testing.ts'
import { createDirectoryApp } from '../directory/app.ts'
import { constraints } from '../directory/constraints.ts'
import { directoryJobs } from '../directory/jobs.ts'
import { createIdentityApp } from '../identity/app.ts'
import { identityConfig } from '../identity/config.ts'
import { generateCookieKeys, generateSigningKeys } from '../identity/keys.ts'
import * as identity from '../identity/schema.ts'
import { createLeaveApp } from '../leave/app.ts'
import { constraints as leaveConstraints } from '../leave/constraints.ts'
import type { leaveContract } from '../leave/contract.ts'
import { leaveJobs } from '../leave/jobs.ts'
import { connect as connectLifecycle } from '../lifecycle/clients.ts'
import { tellLeave } from '../lifecycle/steps/leave-projection.ts'
import { createWorkforceApp } from './app.ts'
import { connect } from './clients.ts'
import { workforceContract } from './contract.ts'
import { actorAt, senderTo } from './matrix/request.ts'

const migrationsOf = (service: string) => new URL(`../${service}/migrations/`, import.meta.url)

type Leave = (typeof leaveContract)['operations']
type Operations = (typeof workforceContract)['operations']
export type OperationName = keyof Operations & string
export type Input<K extends OperationName> = InputOf<Operations[K]>
export type Output<K extends OperationName> = OutputOf<Operations[K]>

type Served = Awaited<ReturnType<typeof serveApp>>

/** Workforce before the real data services, each with a database and a port of its own. */
export async function startWorkforce() {
  const [directoryDb, identityDb, leaveDb] = await Promise.all([
    testDatabase({ service: 'directory', migrations: migrationsOf('directory'), constraints }),
    testDatabase({ service: 'identity', ...identity }),
    testDatabase({ service: 'leave', migrations: migrationsOf('leave'), constraints: leaveConstraints }),
  ])
  const config = identityConfig({
    publicUrl: 'http://localhost:8080',
    signingKeys: await generateSigningKeys(),
    cookieKeys: generateCookieKeys(),
  })
  const identityApp = createIdentityApp(identityDb.database, config)
  const directoryApp = createDirectoryApp(directoryDb.database)
  const leaveApp = createLeaveApp(leaveDb.database)
  const [directoryServer, identityServer, leaveServer] = (await Promise.all(
    [directoryApp, identityApp, leaveApp].map((app) => serveApp(app)),
  )) as [Served, Served, Served]
  const workers = await Promise.all([
    work('directory', directoryDb.urls.worker, directoryJobs(directoryDb.database)),
    work('leave', leaveDb.urls.worker, leaveJobs(leaveDb.database)),
  ])
  const urls = { directory: directoryServer.url, identity: identityServer.url, leave: leaveServer.url }
  const app = createWorkforceApp({}, connect(urls))
  const lifecycle = connectLifecycle(urls)

  const send = senderTo(app, workforceContract)
  const act = actorAt(app, workforceContract)

  /** A company of its own; answers with its HR administrator, who has no employee. */
  async function newCompany(): Promise<TestCaller> {
    const slug = `co-${randomUUID().slice(0, 8)}`
    const firstAdmin = { email: `admin@${slug}.example`, displayName: 'The Administrator' }
    const operator: TestCaller = { tenant: randomUUID(), roles: ['operator:all'] }
    const answer = await post(identityApp, 'createTenant', { slug, companyName: slug, firstAdmin }, operator)
    const { tenant, admin } = answer.body as { tenant: { id: string }; admin: { id: string } }
    return { tenant: tenant.id, account: admin.id, roles: ['hr-admin:all'] }
  }

  /** What lifecycle does when it reads that somebody was hired or changed. */
  const tellLeaveOf = (employeeId: string, { tenant }: TestCaller) =>
    tellLeave(employeeId, lifecycle, backgroundCall({ service: 'lifecycle', operation: 'test', tenant }))

  /** Does an operation of leave itself that must succeed. */
  async function leave<K extends keyof Leave & string>(
    name: K,
    input: InputOf<Leave[K]>,
    caller: TestCaller,
  ): Promise<OutputOf<Leave[K]>> {
    const { status, body } = await post(leaveApp, name, input, caller)
    if (status !== 200) throw new Error(`${name} answered ${status}: ${JSON.stringify(body)}`)
    return body as OutputOf<Leave[K]>
  }

  return {
    app,
    apps: { directory: directoryApp, identity: identityApp, leave: leaveApp },
    urls,
    directoryDb,
    leaveDb,
    send,
    leave,
    tellLeaveOf,
    act,
    newCompany,
    async close() {
      await Promise.all(workers.map((worker) => worker.stop()))
      await Promise.all([directoryServer, identityServer, leaveServer].map((server) => server.close()))
      await Promise.all([directoryDb, identityDb, leaveDb].map((db) => db.close()))
    },
  }
}

export type TestWorkforce = Awaited<ReturnType<typeof startWorkforce>>
