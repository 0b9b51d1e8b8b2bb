import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { FeedEvent } from '#kit/events.ts'
import { dayFromNow, type Lifecycle, newHire, startLifecycle } from './fixtures/company.ts'

const all = { reach: 'all' } as const
let lifecycle: Lifecycle
let tenant: string
beforeAll(async () => {
  lifecycle = await startLifecycle()
})
afterAll(() => lifecycle.close())
beforeEach(async () => {
  lifecycle.setAhead(0)
  tenant = await lifecycle.newTenant()
})

const hire = async (change: Parameters<typeof newHire>[0] = {}) =>
  (await lifecycle.directory(tenant, 'hireEmployee', newHire(change))).id
const accountOf = (employeeId: string) =>
  lifecycle.identity(tenant, 'getAccountByEmployee', { employeeId, scope: all })
const versionOf = async (employeeId: string) =>
  (await lifecycle.directory(tenant, 'getEmployee', { employeeId, scope: all })).version
const target = async (employeeId: string) => ({
  employeeId,
  expectedVersion: await versionOf(employeeId),
  scope: all,
})
const terminate = async (employeeId: string, leavesOn: string) =>
  lifecycle.directory(tenant, 'terminateEmployee', {
    ...(await target(employeeId)),
    leavesOn,
    reason: 'Moves on',
  })
const processOf = (employeeId: string) => lifecycle.processOf(tenant, employeeId)
const eventsOfIdentity = () =>
  lifecycle.identityDb.sudo('select kind, aggregate_id, version from event where tenant = $1 order by id', [
    tenant,
  ])

describe('hiring', () => {
  it('provisions an account', async () => {
    const employee = await hire({ email: 'ana@example.com' })
    await lifecycle.settle()
    expect(await accountOf(employee)).toMatchObject({
      email: 'ana@example.com',
      status: 'invited',
      activeUntil: null,
      roles: [{ role: 'employee', reach: 'self' }],
    })
    expect(await processOf(employee)).toMatchObject({ state: 'done', why: null, attempts: 0 })
  })

  it('waits for an e-mail address, and goes on when there is one', async () => {
    const employee = await hire({ email: null })
    await lifecycle.settle()
    expect(await processOf(employee)).toMatchObject({ state: 'waiting', why: 'email-missing', dueAt: null })
    await expect(accountOf(employee)).rejects.toThrow('account-not-found')
    const email = 'late@example.com'
    await lifecycle.directory(tenant, 'changePerson', { ...(await target(employee)), changes: { email } })
    await lifecycle.settle()
    expect(await accountOf(employee)).toMatchObject({ email })
    expect(await processOf(employee)).toMatchObject({ state: 'done' })
  })

  it('tells since when it has waited, whatever came meanwhile', async () => {
    const employee = await hire({ email: null })
    await lifecycle.settle()
    const { since, version } = await processOf(employee)
    const changes = { phone: '+49 30 1' }
    await lifecycle.directory(tenant, 'changePerson', { ...(await target(employee)), changes })
    await lifecycle.settle()
    const after = await processOf(employee)
    expect(after).toMatchObject({ state: 'waiting', why: 'email-missing', since })
    expect(after.version).toBeGreaterThan(version)
  })

  it('waits for the joining day', async () => {
    const employee = await hire({ joinsOn: dayFromNow(5) })
    await lifecycle.settle()
    expect(await processOf(employee)).toMatchObject({ state: 'scheduled', why: 'joining-day' })
    await expect(accountOf(employee)).rejects.toThrow('account-not-found')
    lifecycle.setAhead(6)
    await lifecycle.settle()
    expect(await accountOf(employee)).toMatchObject({ status: 'invited' })
  })

  it('shows a refusal, and goes on when its cause is gone', async () => {
    const first = await hire({ email: 'same@example.com' })
    await lifecycle.settle()
    const second = await hire({ email: 'same@example.com' })
    await lifecycle.settle()
    expect(await processOf(second)).toMatchObject({
      state: 'stuck',
      why: 'email-taken',
      lastError: 'email-taken',
      attempts: 1,
    })
    const changes = { email: 'other@example.com' }
    await lifecycle.directory(tenant, 'changePerson', { ...(await target(second)), changes })
    await lifecycle.settle()
    expect(await accountOf(second)).toMatchObject(changes)
    expect(await accountOf(first)).toMatchObject({ email: 'same@example.com' })
    expect(await processOf(second)).toMatchObject({ state: 'done', lastError: null })
  })
})

describe('leaving', () => {
  it('tells the end ahead, and disables the account when it has come', async () => {
    const employee = await hire()
    await lifecycle.settle()
    await terminate(employee, dayFromNow(10))
    await lifecycle.settle()
    const { activeUntil, status } = await accountOf(employee)
    const { state, why, dueAt } = await processOf(employee)
    expect({ state, why, dueAt, status }).toEqual({
      state: 'scheduled',
      why: 'leaving-day',
      dueAt: activeUntil,
      status: 'invited',
    })
    lifecycle.setAhead(12)
    await lifecycle.settle()
    expect(await processOf(employee)).toMatchObject({ state: 'done' })
    // A command of its own, not an answer replayed: only then are sessions ended.
    const commands = await lifecycle.identityDb.sudo(
      `select 1 from idempotency where tenant = $1 and operation = 'disableAccount'`,
      [tenant],
    )
    expect(commands).toHaveLength(2)
  })

  it('disables at once when the last day has passed, and comes back when that is taken back', async () => {
    const employee = await hire()
    await lifecycle.settle()
    await terminate(employee, dayFromNow(-3))
    await lifecycle.settle()
    expect(await accountOf(employee)).toMatchObject({ status: 'disabled' })
    await lifecycle.directory(tenant, 'cancelTermination', await target(employee))
    await lifecycle.settle()
    expect(await accountOf(employee)).toMatchObject({ status: 'invited', activeUntil: null })
  })

  it('withdraws an end that was told ahead', async () => {
    const employee = await hire()
    await terminate(employee, dayFromNow(10))
    await lifecycle.settle()
    expect((await accountOf(employee)).activeUntil).not.toBeNull()
    await lifecycle.directory(tenant, 'cancelTermination', await target(employee))
    await lifecycle.settle()
    expect(await accountOf(employee)).toMatchObject({ activeUntil: null })
    expect(await processOf(employee)).toMatchObject({ state: 'done', dueAt: null })
  })

  it('lets a rehired person in again', async () => {
    const employee = await hire()
    await terminate(employee, dayFromNow(-30))
    await lifecycle.settle()
    await lifecycle.directory(tenant, 'rehireEmployee', {
      ...(await target(employee)),
      joinsOn: dayFromNow(-2),
      terms: { timeZone: 'Asia/Tokyo' },
    })
    await lifecycle.settle()
    expect(await accountOf(employee)).toMatchObject({ status: 'invited', activeUntil: null })
  })
})

it('gives whoever has reports the manager role, and takes it back', async () => {
  const [boss, other] = [await hire(), await hire()]
  const report = await hire({ managerId: boss })
  await lifecycle.settle()
  const isManager = async (employee: string) =>
    (await accountOf(employee)).roles.some(({ role, reach }) => role === 'manager' && reach === 'reports')
  expect([await isManager(boss), await isManager(other), await isManager(report)]).toEqual([
    true,
    false,
    false,
  ])
  await lifecycle.directory(tenant, 'changeEmployee', {
    ...(await target(report)),
    effectiveFrom: dayFromNow(-2),
    changes: { managerId: other },
  })
  await lifecycle.settle()
  expect([await isManager(boss), await isManager(other)]).toEqual([false, true])
  await terminate(report, dayFromNow(-2))
  await lifecycle.settle()
  expect(await isManager(other)).toBe(false)
})

describe('events', () => {
  it('that come again change nothing', async () => {
    const employee = await hire()
    await lifecycle.settle()
    await terminate(employee, dayFromNow(-3))
    await lifecycle.settle()
    const before = [await accountOf(employee), await eventsOfIdentity(), await processOf(employee)]
    await lifecycle.rereadFeeds()
    expect([await accountOf(employee), await eventsOfIdentity(), await processOf(employee)]).toEqual(before)
  })

  it('that come late change nothing, though nothing of them was known', async () => {
    const employee = await hire()
    await terminate(employee, dayFromNow(-3))
    await lifecycle.settle()
    const before = await eventsOfIdentity()
    // As after a loss of lifecycle's own database: only the oldest event, and all facts to be looked at again.
    await lifecycle.db.sudo('truncate process cascade')
    await lifecycle.apply('directory', [event({ aggregateId: employee, kind: 'employee-hired', version: 1 })])
    await lifecycle.settle()
    expect(await eventsOfIdentity()).toEqual(before)
    expect(await processOf(employee)).toMatchObject({ state: 'done' })
  })

  it('that cannot be read do not stop the others', async () => {
    const employee = await hire()
    await lifecycle.apply('directory', [
      event({ aggregateId: 'nonsense', kind: 'employee-hired' }),
      event({ aggregateId: employee, kind: 'employee-hired', version: -1 }),
      event({ aggregateId: employee, kind: 'something-else' }),
      event({ aggregateId: employee, kind: 'employee-hired' }),
    ])
    expect(await processOf(employee)).toMatchObject({ state: 'scheduled' })
  })

  it('of an employee who does not exist leave nothing to do', async () => {
    const nobody = randomUUIDv7()
    await lifecycle.apply('directory', [event({ aggregateId: nobody, kind: 'employee-hired' })])
    await lifecycle.settle()
    expect(await processOf(nobody)).toMatchObject({ state: 'done' })
  })

  const event = (given: Partial<FeedEvent>): FeedEvent => ({
    id: randomUUIDv7(),
    tenant,
    kind: 'employee-hired',
    aggregateId: randomUUIDv7(),
    version: 1,
    changed: [],
    at: new Date().toISOString(),
    ...given,
  })
})

it('leaves what HR has disabled by hand', async () => {
  const employee = await hire()
  await lifecycle.settle()
  await lifecycle.identity(tenant, 'disableAccount', { employeeId: employee, reason: 'Lost the laptop' })
  const changes = { familyName: 'Renamed' }
  await lifecycle.directory(tenant, 'changePerson', { ...(await target(employee)), changes })
  await lifecycle.settle()
  expect(await accountOf(employee)).toMatchObject({ status: 'disabled' })
})

it('goes by the facts of the day when a step is taken again', async () => {
  const employee = await hire({ email: 'first@example.com' })
  // The account is provisioned, but that cannot be recorded.
  await lifecycle.db.sudo(
    `create function fail() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
     create trigger fail before update on process for each row when (new.state = 'done') execute function fail()`,
  )
  await lifecycle.settle()
  await lifecycle.db.sudo('drop function fail cascade')
  expect(await accountOf(employee)).toMatchObject({ email: 'first@example.com' })
  const changes = { email: 'second@example.com' }
  await lifecycle.directory(tenant, 'changePerson', { ...(await target(employee)), changes })
  // The same step again, before the event of the change has come.
  lifecycle.setAhead(1)
  await lifecycle.step()
  expect(await processOf(employee)).toMatchObject({ state: 'done', lastError: null })
  expect(await accountOf(employee)).toMatchObject(changes)
})

it('is not stopped by a process that cannot be read', async () => {
  const broken = await hire()
  const other = await hire()
  await lifecycle.settle()
  await lifecycle.db.sudo(
    `update process set progress = '{"ended": "perhaps"}', state = 'scheduled', due_at = now() where subject = $1`,
    [broken],
  )
  await terminate(other, dayFromNow(-3))
  await lifecycle.settle()
  expect(await accountOf(other)).toMatchObject({ status: 'disabled' })
  expect(await processOf(broken)).toMatchObject({ state: 'scheduled', why: 'retry', lastError: 'internal' })
})
