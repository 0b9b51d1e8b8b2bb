import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { feedPage } from '#kit/events.ts'
import { testCall } from '#kit/testing.ts'
import { type Directory, everything, startDirectory } from './testing.ts'

let directory: Directory
beforeAll(async () => {
  directory = await startDirectory()
})
afterAll(() => directory.close())

describe('a tenant', () => {
  it('is exported page by page, with all history', async () => {
    const { hire, act, hr, target, send } = directory.company()
    const [a] = [await hire({ number: '1' }), await hire({ number: '2' })]
    await act('terminateEmployee', { ...target(a!), leavesOn: '2021-01-01', reason: 'moves' })
    const job = { ...hr, account: 'job:lifecycle', roles: [] }
    const first = await act('exportEmployees', { limit: 1 }, job)
    const second = await act('exportEmployees', { limit: 1, cursor: first.next }, job)
    expect([...first.items, ...second.items]).toMatchObject([
      {
        employeeNumber: '1',
        employments: [{ leavingReason: 'moves' }],
        versions: [{ timeZone: 'Europe/Berlin' }],
      },
      { employeeNumber: '2', employments: [{ leavesOn: null }], versions: [{ effectiveTo: null }] },
    ])
    expect(second.next).toBeNull()
    expect(await send('exportEmployees', {})).toMatchObject({ status: 403 })
  })

  it('is deleted with all that names a person, and no other with it', async () => {
    const company = directory.company()
    const { hire, unit, act, hr } = company
    const { id: orgUnitId } = await unit()
    const { id: managerId } = await hire({ terms: { orgUnitId } })
    await hire({ terms: { managerId, orgUnitId } })
    await act('createPosition', { code: 'P', title: 'Position', orgUnitId, scope: everything })
    const { id: importId } = await act('createImport', { kind: 'positions', scope: everything })
    await company.upload(importId, 'code,title\nX,Y')
    const neighbour = directory.company()
    await neighbour.hire()

    const job = { ...hr, account: 'job:lifecycle', roles: [] }
    let steps = 0
    while (!(await act('deleteTenantData', {}, job)).done) expect(++steps).toBeLessThan(50)
    const tables = await directory.db.sudo<{ name: string }>(
      `select relname as name from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace
         and exists (select from pg_attribute where attrelid = c.oid and attname = 'tenant')`,
    )
    const kept: string[] = []
    for (const { name } of tables) {
      const [row] = await directory.db.sudo<{ rows: number }>(
        `select count(*)::int as rows from ${name} where tenant = $1`,
        [company.tenant],
      )
      if (row!.rows > 0) kept.push(name)
    }
    // Neither audit entries nor events name anyone; answers are kept for a day.
    expect(kept.sort()).toEqual(['audit', 'event', 'idempotency'])
    const { items } = await neighbour.act('searchEmployees', { scope: everything })
    expect(items).toHaveLength(1)
  })
})

describe('the feed', () => {
  it('tells what happened, in order, without a personal value', async () => {
    const company = directory.company()
    const { hire, act, target, unit } = company
    await unit({ name: 'Secret unit' })
    const employee = await hire({ person: { givenName: 'Xaverius', email: 'x@example.com' } })
    const changed = await act('changePerson', { ...target(employee), changes: { phone: '+44 555' } })
    await act('terminateEmployee', { ...target(changed), leavesOn: '2024-01-01', reason: 'illness' })
    const response = await directory.app.request('/events?limit=1000')
    const text = await response.text()
    const { events } = feedPage.parse(JSON.parse(text))
    expect(events.filter(({ tenant }) => tenant === company.tenant)).toMatchObject([
      { kind: 'org-unit-created', version: 1 },
      { kind: 'employee-hired', aggregateId: employee.id, version: 1 },
      { kind: 'person-changed', aggregateId: employee.id, version: 2, changed: ['phone'] },
      { kind: 'employee-terminated', aggregateId: employee.id, version: 3 },
    ])
    expect(text).not.toMatch(/Xaverius|x@example|\+44 555|illness|Secret/)
  })
})

describe('the database refuses by itself', () => {
  const version = `insert into employee_version
    (tenant, employee_id, valid_from, valid_to, joins_on, time_zone, employment_type, fte)
    values (app_tenant(), $1, $2, $3, '2020-01-01', 'UTC', 'permanent', 1)`

  it.each([
    ['two versions on one day', version, ['2019-06-01', '2020-02-01'], 'outside-employment'],
    ['two versions of overlapping days', version, ['2021-01-01', '2022-01-01'], 'employee_version_overlap'],
    [
      'employments that overlap',
      `with again as (insert into employment values (app_tenant(), $1, $2, $3, 'reason'))
       insert into employee_version
       (tenant, employee_id, valid_from, valid_to, joins_on, time_zone, employment_type, fte)
       values (app_tenant(), $1, $2, $2, $2, 'UTC', 'permanent', 1)`,
      ['2021-01-01', '2021-06-01'],
      'employment-overlap',
    ],
    [
      'an employment without a version',
      `insert into employment select app_tenant(), $1, $2::date, $3::date, 'reason'`,
      ['2018-01-01', '2018-06-01'],
      'employment_has_version',
    ],
    [
      'leaving before joining',
      `update employment set leaves_on = $2, leaving_reason = $3 where employee_id = $1`,
      ['2019-01-01', 'x'],
      'leaving-before-joining',
    ],
    [
      'a birth after joining',
      `update employee set birth_date = $2, phone = $3 where id = $1`,
      ['2020-01-01', '1'],
      'birth-not-before-joining',
    ],
    [
      'leaving without a reason',
      `update employment set leaves_on = $2 where employee_id = $1 and joins_on < $3`,
      ['2025-01-01', '2024-01-01'],
      'employment_leaving_has_reason',
    ],
  ])('%s', async (_, sql, [from, to], refusal) => {
    const { hire, tenant } = directory.company()
    const { id } = await hire({ joinsOn: '2020-01-01' })
    const attempt = directory.db.database.write(testCall(tenant), (tx) => tx.query(sql, [id, from, to]))
    await expect(attempt).rejects.toSatisfy((error: { code?: string; constraint?: string }) =>
      [error.code, error.constraint].includes(refusal),
    )
  })

  it('a manager of another tenant', async () => {
    const [mine, theirs] = [directory.company(), directory.company()]
    const [{ id }, { id: stranger }] = [await mine.hire(), await theirs.hire()]
    const attempt = directory.db.database.write(testCall(mine.tenant), (tx) =>
      tx.query('update employee_version set manager_id = $2 where employee_id = $1', [id, stranger]),
    )
    await expect(attempt).rejects.toMatchObject({ code: 'reference-unknown' })
  })
})
