import type { ChildProcess } from 'node:child_process'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type TestDatabase, until } from '#kit/testing.ts'
import {
  type DataServices,
  dayFromNow,
  lifecycleDatabase,
  newHire,
  startDataServices,
} from './fixtures/company.ts'
import { kill, type Relay, relay, startWorker as start } from './fixtures/worker.ts'

/** Longer than a lease, after which a killed worker's step is taken again. */
const patience = 30_000

let services: DataServices
let db: TestDatabase
let identity: Relay
let tenant: string
let started: ChildProcess[] = []
beforeAll(async () => {
  services = await startDataServices()
  db = await lifecycleDatabase()
  identity = await relay(services.urls.identity)
})
afterAll(async () => {
  await identity.close()
  await services.close()
  await db.close()
})
beforeEach(async () => {
  tenant = await services.newTenant()
})
afterEach(async () => {
  identity.hold = undefined
  await Promise.all(started.map(kill))
  started = []
})

function startWorker(): ChildProcess {
  const addresses = { ...services.urls, identity: identity.url }
  const worker = start(db, addresses)
  started.push(worker)
  return worker
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
/** The process of an employee's account. */
const stateOf = async (employee: string) => {
  const rows = await db.sudo<Record<string, unknown>>(
    `select * from process where subject = $1 and kind = 'account'`,
    [employee],
  )
  return rows[0]!
}
/** How many processes have nothing left to do; of each employee there are two. */
const done = async (kind: 'account' | 'leave-projection') =>
  (
    await db.sudo(
      `select 1 from process where tenant = $1 and kind = $2 and state = 'done' and leased_until is null`,
      [tenant, kind],
    )
  ).length
const settled = async (count: number) =>
  (await done('account')) === count && (await done('leave-projection')) === count
const once = (count: number) => Array.from({ length: count }, () => 1)

describe('a worker that is killed', () => {
  it('after a command was carried out, before its answer came: another goes on, and nothing is doubled', async () => {
    const employee = await hire()
    const held = identity.holdBack('provisionAccount')
    const first = startWorker()
    await held
    await kill(first)
    expect(await accounts()).toBe(1)
    expect(await stateOf(employee)).toMatchObject({ state: 'scheduled' })
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
    await Promise.all(started.map(kill))
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
    const before = Math.max(...(await revisions()).map(({ revision }) => Number(revision)))
    startWorker()
    await until(async () => (await revisions()).every(({ revision }) => Number(revision) > before), patience)
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
  await identity.close()
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
  const state = () => stateOf(employee)
  await until(async () => Number((await state()).attempts) >= 2, patience)
  expect(await state()).toMatchObject({ state: 'scheduled', last_error: 'unavailable' })
  await identity.reopen()
  await until(() => settled(1), patience)
  expect(await happened('account-disabled')).toEqual([1])
  expect(await state()).toMatchObject({ last_error: null, attempts: 0 })
}, 60_000)

it('ends cleanly when it is told to', async () => {
  const worker = startWorker()
  const before = await hire()
  await until(() => settled(1), patience)
  expect(before).toBeTruthy()
  const ended = new Promise<number | null>((resolve) => worker.once('exit', resolve))
  worker.kill('SIGTERM')
  expect(await ended).toBe(0)
}, 60_000)
