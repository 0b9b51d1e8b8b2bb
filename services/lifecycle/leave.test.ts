import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dayFromNow, type Lifecycle, newHire, startLifecycle } from './fixtures/company.ts'

const all = { reach: 'all' } as const
let lifecycle: Lifecycle
let tenant: string
beforeAll(async () => {
  lifecycle = await startLifecycle()
})
afterAll(() => lifecycle.close())
beforeEach(async () => {
  tenant = await lifecycle.newTenant()
})

const hire = async (change: Parameters<typeof newHire>[0] = {}) =>
  (await lifecycle.directory(tenant, 'hireEmployee', newHire(change))).id
const target = async (employeeId: string) => {
  const { version } = await lifecycle.directory(tenant, 'getEmployee', { employeeId, scope: all })
  return { employeeId, expectedVersion: version, scope: all }
}
const processOf = (employeeId: string) => lifecycle.processOf(tenant, employeeId, 'leave-projection')
/** What leave knows. */
const known = (...employees: string[]) =>
  lifecycle.leaveDb.sudo<Record<string, unknown>>(
    `select e.id, e.source_version::int as version,
       (select array_agg(m.leaves_on::text order by m.joins_on) from employment m
        where m.tenant = e.tenant and m.employee_id = e.id) as leaving,
       (select json_agg(json_build_object('from', t.valid_from, 'manager', t.manager_id, 'zone', t.time_zone,
                 'fte', t.fte) order by t.valid_from)
        from employee_terms t where t.tenant = e.tenant and t.employee_id = e.id) as terms
     from employee e where e.tenant = $1 and e.id = any ($2) order by e.id`,
    [tenant, employees],
  )

describe('leave', () => {
  it('knows the employments and terms of all, also those to come, and follows them', async () => {
    const boss = await hire()
    const employee = await hire({ managerId: boss, timeZone: 'Asia/Tokyo' })
    await lifecycle.settle()
    const first = { from: '2024-02-01', manager: boss, zone: 'Asia/Tokyo', fte: 1 }
    expect(await known(employee)).toEqual([{ id: employee, version: 1, leaving: [null], terms: [first] }])

    const effectiveFrom = dayFromNow(30)
    const part = { ...(await target(employee)), effectiveFrom, changes: { fte: 0.5 } }
    await lifecycle.directory(tenant, 'changeEmployee', part)
    const end = { ...(await target(employee)), leavesOn: dayFromNow(60), reason: 'Moves on' }
    await lifecycle.directory(tenant, 'terminateEmployee', end)
    await lifecycle.settle()
    expect(await known(employee)).toEqual([
      {
        id: employee,
        version: 3,
        leaving: [dayFromNow(60)],
        terms: [first, { ...first, from: effectiveFrom, fte: 0.5 }],
      },
    ])
    expect(await processOf(employee)).toMatchObject({ state: 'done', why: null, lastError: null })
  })

  it('is told of those who were there before it was', async () => {
    const employees = [await hire(), await hire()]
    await lifecycle.settle()
    // As in a deployment that had no leave: no process of the kind, no position of its reader.
    await lifecycle.leaveDb.sudo('truncate employee cascade')
    await lifecycle.db.sudo(`delete from process where kind = 'leave-projection'`)
    const accounts = () =>
      lifecycle.db.sudo(`select * from process where kind = 'account' and tenant = $1 order by id`, [tenant])
    const before = await accounts()
    lifecycle.forget('leave-projection')
    await lifecycle.settle()
    expect(await known(...employees)).toHaveLength(2)
    expect(await accounts()).toEqual(before)
  })

  it('is told nothing new by events that come again or late', async () => {
    const employee = await hire()
    await lifecycle.directory(tenant, 'terminateEmployee', {
      ...(await target(employee)),
      leavesOn: dayFromNow(-3),
      reason: 'Moves on',
    })
    await lifecycle.settle()
    const before = await known(employee)
    expect(before).toMatchObject([{ version: 2, leaving: [dayFromNow(-3)] }])
    await lifecycle.rereadFeeds()
    await lifecycle.db.sudo('truncate process cascade')
    const late = { kind: 'employee-hired', aggregateId: employee, version: 1, changed: [] }
    await lifecycle.apply('leave-projection', [
      { ...late, id: randomUUIDv7(), tenant, at: new Date().toISOString() },
    ])
    await lifecycle.settle()
    expect(await known(employee)).toEqual(before)
  })

  it('catches up after a restore to an earlier state', async () => {
    const employees = [await hire(), await hire()]
    await lifecycle.settle()
    await lifecycle.leaveDb.sudo('delete from employee where id = $1', [employees[0]])
    await lifecycle.resync('leave')
    await lifecycle.settle()
    expect(await known(...employees)).toHaveLength(2)
  })

  it('knows more than a directory that was restored to an earlier state: somebody must look', async () => {
    const employee = await hire()
    await lifecycle.settle()
    await lifecycle.leaveDb.sudo('update employee set source_version = 7 where id = $1', [employee])
    await lifecycle.resync('leave-projection')
    await lifecycle.settle()
    expect(await processOf(employee)).toMatchObject({ state: 'stuck', why: 'newer-version-known' })
  })

  it('is told of all others when one of many cannot be told', async () => {
    const employees = await Promise.all(Array.from({ length: 5 }, () => hire()))
    await lifecycle.settle()
    const [ahead, ...others] = employees as [string, ...string[]]
    await lifecycle.leaveDb.sudo(
      `update employee set source_version = case id when $1 then 7 else 0 end where id = any ($2)`,
      [ahead, employees],
    )
    await lifecycle.resync('leave')
    await lifecycle.settle()
    const versions = (await known(...others)).map(({ version }) => version)
    expect(versions).toEqual([1, 1, 1, 1])
    expect(await processOf(ahead)).toMatchObject({ state: 'stuck', why: 'newer-version-known', attempts: 1 })
    for (const one of others) expect(await processOf(one)).toMatchObject({ state: 'done', lastError: null })
  })

  it('hears nothing of an employee who does not exist', async () => {
    const nobody = randomUUIDv7()
    const event = { kind: 'employee-hired', aggregateId: nobody, version: 1, changed: [] }
    await lifecycle.apply('leave-projection', [
      { ...event, id: randomUUIDv7(), tenant, at: new Date().toISOString() },
    ])
    await lifecycle.settle()
    expect(await processOf(nobody)).toMatchObject({ state: 'done' })
    expect(await known(nobody)).toEqual([])
  })
})
