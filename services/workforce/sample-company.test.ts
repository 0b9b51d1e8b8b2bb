import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestCaller } from '#kit/testing.ts'
import { type Input, type Output, startWorkforce, type TestWorkforce } from './testing.ts'

const folder = new URL('../directory/fixtures/oracle-hr/', import.meta.url)

let workforce: TestWorkforce
let admin: TestCaller
beforeAll(async () => {
  workforce = await startWorkforce()
  admin = await workforce.newCompany()
})
afterAll(() => workforce.close())

type Import = Output<'getImport'>

/** Starts an import and watches it to its end. */
async function run(importId: string, dryRun: boolean): Promise<Import> {
  await workforce.act('startImport', { importId, dryRun }, admin)
  const { body } = await workforce.send('watchImport', { importId }, admin)
  const events = String(body).matchAll(/^data: (.*)$/gm)
  return JSON.parse([...events].at(-1)![1]!)
}

/** Prepares, uploads, tries and does an import; answers with the trial and what came of it. */
async function importFile(file: string, input: Input<'createImport'>) {
  const { id } = await workforce.act('createImport', input, admin)
  const csv = await readFile(new URL(file, folder), 'utf8')
  await workforce.act('uploadImportFile', { importId: id }, admin, csv)
  const trial = await run(id, true)
  const done = await run(id, false)
  const { items: issues } = await workforce.act('listImportErrors', { importId: id, limit: 200 }, admin)
  return { trial, done, issues }
}

const orgUnits: Input<'createImport'> = {
  kind: 'org-units',
  mapping: { department_id: 'code', department_name: 'name' },
  options: { defaults: { opensOn: '2000-01-01' } },
}
const positions: Input<'createImport'> = {
  kind: 'positions',
  mapping: { job_id: 'code', job_title: 'title' },
}
const employees: Input<'createImport'> = {
  kind: 'employees',
  mapping: {
    employee_id: 'employeeNumber',
    first_name: 'givenName',
    last_name: 'familyName',
    phone_number: 'phone',
    hire_date: 'joinsOn',
    job_id: 'position',
    manager_id: 'manager',
    department_id: 'orgUnit',
  },
  options: { emailDomain: 'example.com', defaults: { timeZone: 'America/Los_Angeles' } },
}
const history: Input<'createImport'> = {
  kind: 'job-history',
  mapping: {
    employee_id: 'employeeNumber',
    start_date: 'startsOn',
    end_date: 'endsOn',
    job_id: 'position',
    department_id: 'orgUnit',
  },
}

const find = async (q: string | undefined, caller = admin) =>
  (await workforce.act('searchEmployees', q ? { q } : {}, caller)).items.map(({ displayName }) => displayName)

const read = async (number: string, asOf?: string) => {
  const { items } = await workforce.act(
    'searchEmployees',
    { q: number, status: 'active,pending,terminated' },
    admin,
  )
  const found = items.find(({ employeeNumber }) => employeeNumber === number)!
  return workforce.act('getEmployee', { employeeId: found.id, ...(asOf ? { asOf } : {}) }, admin)
}

/** Names an employee as last read, for a change. */
const lastRead = async (number: string) => {
  const { id, version } = await read(number)
  return { employeeId: id, expectedVersion: version }
}

const asManager = async (number: string): Promise<TestCaller> => ({
  tenant: admin.tenant,
  employee: (await read(number)).id,
  roles: ['manager:reports', 'employee:self'],
})

describe('the sample company, one step after the other', () => {
  it('imports its files, each after a trial that writes nothing, and reports what is odd in which row', async () => {
    const units = await importFile('departments.csv', orgUnits)
    const twentySeven = { rows: 27, created: 27, failed: 0, warnings: 0 }
    expect(units.trial).toMatchObject({ state: 'validated', progress: twentySeven })
    expect(units.done).toMatchObject({ state: 'completed', progress: twentySeven })
    expect(units.done.ignoredColumns).toEqual(['manager_id', 'location_id'])

    const jobs = await importFile('jobs.csv', positions)
    expect(jobs.done).toMatchObject({ state: 'completed', progress: { rows: 19, created: 19, failed: 0 } })

    const people = await importFile('employees.csv', employees)
    expect(people.trial).toMatchObject({
      state: 'validated',
      progress: { rows: 107, created: 107, failed: 0 },
    })
    expect(people.done).toMatchObject({
      state: 'completed',
      progress: { rows: 107, created: 107, failed: 0 },
    })
    expect(people.issues).toHaveLength(37)
    expect(people.issues[0]).toEqual({
      line: 4,
      column: 'manager_id',
      severity: 'warning',
      rule: 'hired-before-manager',
      detail: 'The manager joined later, on 2013-06-17',
    })
    expect(new Set(people.issues.map(({ rule }) => rule))).toEqual(new Set(['hired-before-manager']))

    const past = await importFile('job_history.csv', history)
    expect(past.done).toMatchObject({ state: 'completed', progress: { rows: 10, changed: 6, skipped: 4 } })
    expect(past.issues.map(({ line, column, rule }) => [line, column, rule])).toEqual([
      [3, 'start_date', 'before-joining'],
      [4, 'start_date', 'before-joining'],
      [8, 'start_date', 'before-joining'],
      [11, 'start_date', 'before-joining'],
    ])
  })

  it('changes nothing when the same files come again', async () => {
    const events = () =>
      workforce.directoryDb.sudo('select count(*) from event where tenant = $1', [admin.tenant])
    const before = await events()
    expect((await importFile('departments.csv', orgUnits)).done.progress).toMatchObject({ unchanged: 27 })
    expect((await importFile('jobs.csv', positions)).done.progress).toMatchObject({ unchanged: 19 })
    expect((await importFile('employees.csv', employees)).done.progress).toMatchObject({ unchanged: 107 })
    expect((await importFile('job_history.csv', history)).done.progress).toMatchObject({
      unchanged: 6,
      skipped: 4,
    })
    expect(await events()).toEqual(before)
  })

  it('finds people by parts of what they are called', async () => {
    expect(await find('YANG')).toEqual(['Neena Yang'])
    expect(await find('nee ya')).toEqual(['Neena Yang'])
    expect(await find('nyang@example')).toEqual(['Neena Yang'])
    expect(await find('josé')).toEqual(['Jose Manuel Urman'])
    expect(await find('nobody of this name')).toEqual([])
  })

  it('pages through everybody, each once', async () => {
    const seen: string[] = []
    for (let cursor: string | undefined; ; ) {
      const page = await workforce.act(
        'searchEmployees',
        { limit: '25', ...(cursor ? { cursor } : {}) },
        admin,
      )
      expect(page.items.length).toBeLessThanOrEqual(25)
      seen.push(...page.items.map(({ employeeNumber }) => employeeNumber))
      if (page.next === null) break
      cursor = page.next
    }
    expect(seen).toHaveLength(107)
    expect(new Set(seen)).toHaveLength(107)
  })

  it('narrows a search by unit, manager, status and the time of the last change', async () => {
    const search = async (input: Input<'searchEmployees'>) =>
      (await workforce.act('searchEmployees', { limit: 200, ...input }, admin)).items
    const [it] = (await workforce.act('getOrgTree', {}, admin)).units.filter(({ name }) => name === 'IT')
    expect(await search({ orgUnitId: it!.id, includeSubUnits: 'false' })).toHaveLength(5)
    expect(await search({ managerId: (await read('103')).id })).toHaveLength(4)
    expect(await search({ status: 'terminated,pending' })).toEqual([])
    expect(await search({ asOf: '2012-01-01', status: 'active' })).toHaveLength(1)
    const { updatedAt } = await read('100')
    const since = await search({ updatedSince: updatedAt })
    expect(since.map(({ employeeNumber }) => employeeNumber)).toContain('100')
    expect(await search({ updatedSince: '2099-01-01T00:00:00Z' })).toEqual([])
  })

  it('shows what was on a date: job history became history', async () => {
    const now = await read('102')
    expect(now.terms).toMatchObject({
      positionTitle: 'Administration Vice President',
      orgUnitName: 'Executive',
      managerName: 'Steven King',
    })
    const then = await workforce.act('getEmployee', { employeeId: now.id, asOf: '2015-01-01' }, admin)
    expect(then).toMatchObject({
      asOf: '2015-01-01',
      terms: { positionTitle: 'Programmer', orgUnitName: 'IT', effectiveTo: '2016-07-24' },
    })
    const { versions } = await workforce.act('getEmployeeHistory', { employeeId: now.id }, admin)
    expect(versions.map(({ effectiveFrom }) => effectiveFrom)).toEqual(['2016-07-25', '2011-01-13'])
  })

  it('draws the reporting tree, for a manager just the own part', async () => {
    const king = await read('100')
    const chart = await workforce.act('getOrgChart', { depth: '1' }, admin)
    expect(chart.nodes[0]).toMatchObject({ employeeId: king.id, level: 0, directReports: 14 })
    expect(chart.nodes).toHaveLength(15)
    expect(await workforce.act('countReports', { employeeId: king.id }, admin)).toEqual({
      direct: 14,
      total: 106,
    })
    const james = await asManager('103')
    const part = await workforce.act('getOrgChart', {}, james)
    expect(part.nodes.map(({ displayName, level }) => [displayName, level])).toEqual([
      ['Alexander James', 0],
      ['Valli Jackson', 1],
      ['Bruce Miller', 1],
      ['Diana Nguyen', 1],
      ['David Williams', 1],
    ])
    expect(await find(undefined, james)).toEqual([
      'Valli Jackson',
      'Alexander James',
      'Bruce Miller',
      'Diana Nguyen',
      'David Williams',
    ])
  })

  it('changes terms from a date on, and corrects what starts on a date', async () => {
    const changed = await workforce.act(
      'changeEmployee',
      { ...(await lastRead('104')), effectiveFrom: '2099-01-01', changes: { fte: 0.5 } },
      admin,
    )
    expect(changed).toMatchObject({ asOf: '2099-01-01', terms: { fte: 0.5, orgUnitName: 'IT' } })
    expect((await read('104')).terms).toMatchObject({ fte: 1, effectiveTo: '2098-12-31' })
    expect((await read('104', '2099-06-01')).terms.fte).toBe(0.5)

    await workforce.act(
      'correctEmployee',
      { ...(await lastRead('104')), effectiveFrom: '2099-01-01', changes: { fte: 0.8 } },
      admin,
    )
    expect((await read('104', '2099-06-01')).terms.fte).toBe(0.8)
  })

  it('transfers somebody to another unit and manager', async () => {
    const [unit] = (await workforce.act('getOrgTree', {}, admin)).units.filter(
      ({ name }) => name === 'Finance',
    )
    const to = { orgUnitId: unit!.id, managerId: (await read('108')).id }
    await workforce.act(
      'transferEmployee',
      { ...(await lastRead('107')), effectiveFrom: '2026-01-01', to },
      admin,
    )
    expect((await read('107')).terms).toMatchObject({
      orgUnitName: 'Finance',
      managerName: 'Nancy Gruenberg',
    })
    expect((await read('107', '2025-12-31')).terms).toMatchObject({ managerName: 'Alexander James' })
    // The former manager does not see her any more.
    expect(await find('Nguyen', await asManager('103'))).toEqual([])
  })

  it('lets a manager go only when nobody reports to him any more', async () => {
    const leaving = { leavesOn: '2026-06-30', reason: 'Retires' }
    const refused = await workforce.send(
      'terminateEmployee',
      { ...(await lastRead('103')), ...leaving },
      admin,
    )
    expect(refused).toMatchObject({
      status: 409,
      body: {
        type: 'https://staffmesh.dev/problems/has-reports',
        title: 'People report to this employee after that date: reassign them first',
        detail: '3 would have no manager after 2026-06-30',
      },
    })
    const managerId = (await read('102')).id
    for (const number of ['104', '105', '106'])
      await workforce.act(
        'transferEmployee',
        { ...(await lastRead(number)), effectiveFrom: '2026-07-01', to: { managerId } },
        admin,
      )
    // The change that starts in 2099 names the manager too, and is corrected.
    await workforce.act(
      'correctEmployee',
      { ...(await lastRead('104')), effectiveFrom: '2099-01-01', changes: { managerId } },
      admin,
    )
    await workforce.act('terminateEmployee', { ...(await lastRead('103')), ...leaving }, admin)
    expect(await read('103')).toMatchObject({
      status: 'terminated',
      leavesOn: '2026-06-30',
      leavingReason: 'Retires',
    })
    expect(await read('103', '2026-06-30')).toMatchObject({ status: 'active' })
    expect(await find('Alexander James')).toEqual([])
  })

  it('takes a termination back, and hires somebody again who has left', async () => {
    const back = await workforce.act('cancelTermination', await lastRead('103'), admin)
    expect(back).toMatchObject({ status: 'active', leavesOn: null })

    const left = { leavesOn: '2020-12-31', reason: 'Studies' }
    await workforce.act('terminateEmployee', { ...(await lastRead('107')), ...left }, admin)
    const rehired = await workforce.act(
      'rehireEmployee',
      { ...(await lastRead('107')), joinsOn: '2025-09-01', terms: { timeZone: 'Asia/Ho_Chi_Minh' } },
      admin,
    )
    const { employments } = await workforce.act('getEmployeeHistory', { employeeId: rehired.id }, admin)
    expect(employments).toEqual([
      { joinsOn: '2025-09-01', leavesOn: null, leavingReason: null },
      { joinsOn: '2017-02-07', leavesOn: '2020-12-31', leavingReason: 'Studies' },
    ])
    expect(await read('107', '2022-01-01')).toMatchObject({ status: 'terminated' })
    expect(await read('107')).toMatchObject({ status: 'active', terms: { timeZone: 'Asia/Ho_Chi_Minh' } })
  })

  it('tells who did what, with personal values for HR only', async () => {
    const { employeeId, expectedVersion } = await lastRead('105')
    const changes = { phone: '+1 555 0100' }
    await workforce.act('changePerson', { employeeId, expectedVersion, changes }, admin)
    const [forHr] = (await workforce.act('getEmployeeAuditTrail', { employeeId }, admin)).items
    expect(forHr).toMatchObject({
      account: admin.account,
      operation: 'changePerson',
      before: { phone: '1.590.555.0105' },
      after: { phone: '+1 555 0100' },
      masked: false,
    })
    const [forManager] = (
      await workforce.act('getEmployeeAuditTrail', { employeeId }, await asManager('102'))
    ).items
    expect(forManager).toMatchObject({ id: forHr!.id, masked: true })
    expect(JSON.stringify(forManager)).not.toContain('555')
  })
})
