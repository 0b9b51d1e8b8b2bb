import { type ChildProcess, spawn } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type TestDatabase, until } from '#kit/testing.ts'
import {
  type DataServices,
  dayFromNow,
  lifecycleDatabase,
  newHire,
  startDataServices,
} from './fixtures/company.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
/** Longer than a lease, after which a killed worker's step is taken again. */
const patience = 30_000

let services: DataServices
let db: TestDatabase
let identity: Awaited<ReturnType<typeof relay>>
let tenant: string
let workers: ChildProcess[] = []
beforeAll(async () => {
  services = await startDataServices()
  db = await lifecycleDatabase()
  identity = await relay(services.urls.identity)
})
afterAll(async () => {
  identity.server.closeAllConnections()
  identity.server.close()
  await services.close()
  await db.close()
})
beforeEach(async () => {
  tenant = await services.newTenant()
})
afterEach(async () => {
  identity.hold = undefined
  await Promise.all(workers.map(kill))
  workers = []
})

/** Hands requests on to a service; answers may be held back after the service has done its work. */
async function relay(target: string) {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    try {
      const answer = await fetch(target + request.url, {
        method: request.method ?? 'GET',
        headers: request.headers as Record<string, string>,
        body: chunks.length > 0 ? Buffer.concat(chunks) : null,
      })
      const body = await answer.text()
      await self.hold?.(request.url!)
      const type = answer.headers.get('content-type') ?? ''
      response.writeHead(answer.status, { 'content-type': type }).end(body)
    } catch {
      response.destroy()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const self = {
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold: undefined as ((path: string) => Promise<void>) | undefined,
  }
  return self
}

function startWorker(): ChildProcess {
  const worker = spawn(process.execPath, [main, 'worker'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      LOG_LEVEL: 'silent',
      IDENTITY_HEADERS: 'loopback',
      DATABASE_URL: db.urls.app,
      QUEUE_DATABASE_URL: db.urls.worker,
      DIRECTORY_URL: services.urls.directory,
      IDENTITY_URL: identity.url,
    },
  })
  workers.push(worker)
  return worker
}

async function kill(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return
  const ended = new Promise((resolve) => worker.once('exit', resolve))
  worker.kill('SIGKILL')
  await ended
}

const hire = async () => (await services.directory(tenant, 'hireEmployee', newHire())).id
const hireMany = async (count: number) => {
  for (let i = 0; i < count; i += 10) await Promise.all(Array.from({ length: Math.min(10, count - i) }, hire))
}
const accounts = async () => {
  const [row] = await services.identityDb.sudo<{ n: number }>(
    'select count(*)::int as n from account where tenant = $1 and employee_id is not null',
    [tenant],
  )
  return row!.n
}
/** How often something happened to each account. */
const happened = async (kind: string) => {
  const rows = await services.identityDb.sudo<{ n: number }>(
    `select count(*)::int as n from event where tenant = $1 and kind = $2
     and aggregate_id in (select id::text from account where employee_id is not null) group by aggregate_id`,
    [tenant, kind],
  )
  return rows.map(({ n }) => n)
}
const settled = async (count: number) => {
  const rows = await db.sudo(
    'select 1 from process where tenant = $1 and state = $2 and leased_until is null',
    [tenant, 'done'],
  )
  return rows.length === count
}
const once = (count: number) => Array.from({ length: count }, () => 1)

describe('a worker that is killed', () => {
  it('after a command was carried out, before its answer came: another goes on, and nothing is doubled', async () => {
    const employee = await hire()
    const held = new Promise<void>((resolve) => {
      identity.hold = async (path) => {
        if (path !== '/provisionAccount') return
        resolve()
        await new Promise(() => {})
      }
    })
    const first = startWorker()
    await held
    await kill(first)
    expect(await accounts()).toBe(1)
    expect(await db.sudo('select state from process where subject = $1', [employee])).toEqual([
      { state: 'scheduled' },
    ])
    identity.hold = undefined
    startWorker()
    await until(() => settled(1), patience)
    expect(await happened('account-provisioned')).toEqual([1])
  }, 60_000)

  it('at any time, again and again: each account is there once in the end', async () => {
    const count = 40
    await hireMany(count)
    for (const done of [1, 15, 30]) {
      const worker = startWorker()
      await until(async () => (await accounts()) >= done, patience)
      await kill(worker)
    }
    startWorker()
    await until(() => settled(count), patience)
    expect(await happened('account-provisioned')).toEqual(once(count))
  }, 120_000)
})

it('two workers share the work and double none', async () => {
  startWorker()
  startWorker()
  await hireMany(30)
  await until(() => settled(30), patience)
  expect(await happened('account-provisioned')).toEqual(once(30))
}, 60_000)

describe('a feed', () => {
  const revisions = () =>
    db.sudo<{ revision: string }>('select revision from process where tenant = $1', [tenant])

  it('that is read again from its beginning changes nothing', async () => {
    startWorker()
    await hireMany(5)
    await until(() => settled(5), patience)
    const before = await revisions()
    const position = async () => {
      const [row] = await db.sudo<{ position: string }>(
        `select position from cursor where feed = 'directory'`,
      )
      return row!.position
    }
    const end = await position()
    await Promise.all(workers.map(kill))
    await db.sudo('update cursor set position = null')
    startWorker()
    await until(async () => (await position()) === end, patience)
    expect(await revisions()).toEqual(before)
    expect(await happened('account-provisioned')).toEqual(once(5))
  }, 60_000)

  it('that was restored is read anew, and every account compared with the facts', async () => {
    const worker = startWorker()
    await hireMany(5)
    await until(() => settled(5), patience)
    await kill(worker)
    // As a restore on another server would leave it; meanwhile an account has fallen behind.
    await services.directoryDb.sudo(`update feed set place = 'elsewhere'`)
    const [lost] = await services.identityDb.sudo<{ employee_id: string }>(
      `delete from account where id = (
         select id from account where tenant = $1 and employee_id is not null limit 1) returning employee_id`,
      [tenant],
    )
    startWorker()
    await until(async () => (await revisions()).every(({ revision }) => Number(revision) > 1), patience)
    await until(() => settled(5), patience)
    expect(await accounts()).toBe(5)
    expect(
      await services.identity(tenant, 'getAccountByEmployee', {
        employeeId: lost!.employee_id,
        scope: { reach: 'all' },
      }),
    ).toMatchObject({ status: 'invited' })
    expect(await happened('account-provisioned')).toEqual(once(5))
  }, 60_000)
})

it('waits out an outage of a data service', async () => {
  startWorker()
  const employee = await hire()
  await until(() => settled(1), patience)
  const failing = new Promise<void>((resolve) => {
    identity.server.closeAllConnections()
    identity.server.close(() => resolve())
  })
  await failing
  const { version } = await services.directory(tenant, 'getEmployee', {
    employeeId: employee,
    scope: { reach: 'all' },
  })
  await services.directory(tenant, 'terminateEmployee', {
    employeeId: employee,
    expectedVersion: version,
    leavesOn: dayFromNow(-3),
    reason: 'Moves on',
    scope: { reach: 'all' },
  })
  const state = async () =>
    (await db.sudo<Record<string, unknown>>('select * from process where subject = $1', [employee]))[0]!
  await until(async () => Number((await state()).attempts) >= 2, patience)
  expect(await state()).toMatchObject({ state: 'scheduled', last_error: 'unavailable' })
  await listenAgain(identity.server, identity.url)
  await until(() => settled(1), patience)
  expect(await happened('account-disabled')).toEqual([1])
  expect(await state()).toMatchObject({ last_error: null, attempts: 0 })
}, 60_000)

const listenAgain = (server: Server, url: string) =>
  new Promise<void>((resolve) => server.listen(Number(new URL(url).port), '127.0.0.1', resolve))

it('ends cleanly when it is told to', async () => {
  const worker = startWorker()
  const before = await hire()
  await until(() => settled(1), patience)
  expect(before).toBeTruthy()
  const ended = new Promise<number | null>((resolve) => worker.once('exit', resolve))
  worker.kill('SIGTERM')
  expect(await ended).toBe(0)
}, 60_000)
