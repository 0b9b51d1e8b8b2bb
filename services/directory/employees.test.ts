import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemBase } from '#kit/problem.ts'
import { type Directory, everything, startDirectory } from './testing.ts'

let directory: Directory
beforeAll(async () => {
  directory = await startDirectory()
})
afterAll(() => directory.close())

const problem = (status: number, code: string, fields: object = {}) => ({
  status,
  body: { type: problemBase + code, status, ...fields },
})

describe('hiring', () => {
  it('answers with the employee as of the joining date', async () => {
    const { hire } = directory.company()
    const employee = await hire({
      number: '7',
      joinsOn: '2024-03-01',
      person: { givenName: '秀英', familyName: '王', nameOrder: 'family-first', birthDate: '1990-02-28' },
      terms: { timeZone: 'Asia/Shanghai', fte: 0.8, jobTitle: 'Engineer' },
    })
    expect(employee).toMatchObject({
      employeeNumber: '7',
      status: 'active',
      asOf: '2024-03-01',
      joinsOn: '2024-03-01',
      leavesOn: null,
      person: { displayName: '王秀英', birthDate: '1990-02-28', email: null },
      terms: { effectiveFrom: '2024-03-01', effectiveTo: null, fte: 0.8, employmentType: 'permanent' },
      version: 1,
    })
  })

  it('takes a number once per tenant', async () => {
    const { hire, send, hr } = directory.company()
    await hire({ number: 'E-1' })
    const again = {
      person: { givenName: 'Bo', familyName: 'Dahl' },
      employeeNumber: 'E-1',
      joinsOn: '2024-01-01',
      terms: { timeZone: 'UTC' },
      scope: everything,
    }
    expect(await send('hireEmployee', again)).toMatchObject(problem(409, 'employee-number-taken'))
    expect(await send('hireEmployee', again, { ...hr, tenant: randomUUIDv7() })).toMatchObject({
      status: 200,
    })
  })

  it.each([
    ['born after joining', { birthDate: '2024-01-01' }, {}, 'birth-not-before-joining', '/person/birthDate'],
    ['an unknown unit', {}, { orgUnitId: randomUUIDv7() }, 'reference-unknown', '/terms/orgUnitId'],
    ['an unknown position', {}, { positionId: randomUUIDv7() }, 'reference-unknown', '/terms/positionId'],
    ['an unknown manager', {}, { managerId: randomUUIDv7() }, 'reference-unknown', '/terms/managerId'],
  ])('refuses %s', async (_, person, terms, code, pointer) => {
    const { send } = directory.company()
    const answer = await send('hireEmployee', {
      person: { givenName: 'Bo', familyName: 'Dahl', ...person },
      employeeNumber: '1',
      joinsOn: '2024-01-01',
      terms: { timeZone: 'UTC', ...terms },
      scope: everything,
    })
    expect(answer).toMatchObject(problem(422, code, { pointer }))
  })

  it('refuses a manager who joins later, and one who is not employed long enough', async () => {
    const { hire, send, act, target } = directory.company()
    const late = await hire({ joinsOn: '2025-01-01' })
    const leaving = await hire({ joinsOn: '2020-01-01' })
    await act('terminateEmployee', { ...target(leaving), leavesOn: '2030-12-31', reason: 'retires' })
    for (const { id } of [late, leaving])
      expect(
        await send('hireEmployee', {
          person: { givenName: 'Bo', familyName: 'Dahl' },
          employeeNumber: '9',
          joinsOn: '2024-01-01',
          terms: { timeZone: 'UTC', managerId: id },
          scope: everything,
        }),
      ).toMatchObject(problem(422, 'manager-not-employed', { pointer: '/terms/managerId' }))
  })
})

describe('the history', () => {
  it('keeps what was, is and will be', async () => {
    const { hire, act, target } = directory.company()
    const employee = await hire({ joinsOn: '2020-01-01', terms: { jobTitle: 'Junior' } })
    const { id: employeeId } = employee
    const later = await act('changeEmployee', {
      ...target(employee),
      effectiveFrom: '2040-01-01',
      changes: { jobTitle: 'Director' },
    })
    await act('changeEmployee', {
      ...target(later),
      effectiveFrom: '2022-06-01',
      changes: { jobTitle: 'Senior' },
    })
    const titleOn = async (asOf?: string) =>
      (await act('getEmployee', { employeeId, ...(asOf ? { asOf } : {}), scope: everything })).terms.jobTitle
    expect(await titleOn('2022-05-31')).toBe('Junior')
    expect(await titleOn('2022-06-01')).toBe('Senior')
    expect(await titleOn()).toBe('Senior')
    expect(await titleOn('2040-01-01')).toBe('Director')
    expect(await titleOn('1999-01-01')).toBe('Junior')
    const { versions } = await act('getEmployeeHistory', { employeeId, scope: everything })
    expect(versions.map(({ effectiveFrom, effectiveTo }) => [effectiveFrom, effectiveTo])).toEqual([
      ['2040-01-01', null],
      ['2022-06-01', '2039-12-31'],
      ['2020-01-01', '2022-05-31'],
    ])
  })

  it('has "today" in the zone of the employee', async () => {
    const { hire, act, target } = directory.company()
    const today = (zone: string) => Temporal.Now.plainDateISO(zone)
    // The first zone is a day ahead of the last, always.
    const [first, last] = ['Pacific/Kiritimati', 'Pacific/Pago_Pago']
    for (const zone of [first, last]) {
      const employee = await hire({ terms: { timeZone: zone, jobTitle: 'before' } })
      await act('changeEmployee', {
        ...target(employee),
        effectiveFrom: today(first).toString(),
        changes: { jobTitle: 'after' },
      })
      const { terms, asOf } = await act('getEmployee', { employeeId: employee.id, scope: everything })
      expect([asOf, terms.jobTitle]).toEqual([today(zone).toString(), zone === first ? 'after' : 'before'])
    }
  })

  it('is updated by a new version and corrected in place', async () => {
    const { hire, act, send, target } = directory.company()
    const employee = await hire({ joinsOn: '2020-01-01' })
    const on = (effectiveFrom: string, version: number) => ({
      ...target({ ...employee, version }),
      effectiveFrom,
      changes: { location: 'Oslo' },
    })
    expect(await send('changeEmployee', on('2020-01-01', 1))).toMatchObject(problem(409, 'version-exists'))
    expect(await send('correctEmployee', on('2021-01-01', 1))).toMatchObject(
      problem(404, 'version-not-found'),
    )
    expect(await send('changeEmployee', on('2019-12-31', 1))).toMatchObject(
      problem(422, 'outside-employment', { pointer: '/effectiveFrom' }),
    )
    expect(await act('correctEmployee', on('2020-01-01', 1))).toMatchObject({
      terms: { location: 'Oslo', effectiveFrom: '2020-01-01' },
      version: 2,
    })
    expect(await send('correctEmployee', on('2020-01-01', 1))).toMatchObject(problem(412, 'version-conflict'))
  })
})

describe('a termination', () => {
  it('ends the employment after its last day and can be taken back', async () => {
    const { hire, act, target } = directory.company()
    const employee = await hire({ joinsOn: '2020-01-01', terms: { jobTitle: 'Clerk' } })
    const { id: employeeId } = employee
    const planned = await act('changeEmployee', {
      ...target(employee),
      effectiveFrom: '2025-01-01',
      changes: { jobTitle: 'Chief' },
    })
    const leaving = await act('terminateEmployee', {
      ...target(planned),
      leavesOn: '2024-06-30',
      reason: 'moves abroad',
    })
    expect(leaving).toMatchObject({
      status: 'active',
      leavesOn: '2024-06-30',
      leavingReason: 'moves abroad',
      terms: { effectiveTo: '2024-06-30' },
    })
    expect(await act('getEmployee', { employeeId, asOf: '2025-02-01', scope: everything })).toMatchObject({
      status: 'terminated',
      terms: { jobTitle: 'Clerk' },
    })
    await act('cancelTermination', target(leaving))
    expect(await act('getEmployee', { employeeId, asOf: '2025-02-01', scope: everything })).toMatchObject({
      status: 'active',
      leavesOn: null,
      terms: { jobTitle: 'Chief' },
    })
  })

  it('is refused before joining, twice, and with people left behind', async () => {
    const { hire, act, send, target } = directory.company()
    const manager = await hire({ joinsOn: '2020-01-01' })
    const report = await hire({ joinsOn: '2021-01-01', terms: { managerId: manager.id } })
    const terminate = (leavesOn: string, version = 1) =>
      send('terminateEmployee', { ...target({ ...manager, version }), leavesOn, reason: 'retires' })
    expect(await terminate('2019-12-31')).toMatchObject(
      problem(422, 'leaving-before-joining', { pointer: '/leavesOn' }),
    )
    expect(await terminate('2024-12-31')).toMatchObject(problem(409, 'has-reports', { reports: [report.id] }))
    await act('transferEmployee', {
      ...target(report),
      effectiveFrom: '2025-01-01',
      to: { managerId: null },
    })
    expect(await terminate('2024-12-30')).toMatchObject(problem(409, 'has-reports'))
    expect(await terminate('2024-12-31')).toMatchObject({ status: 200 })
    expect(await terminate('2024-12-31', 2)).toMatchObject(problem(409, 'already-terminated'))
  })

  it('may be followed by a new employment of the same person', async () => {
    const { hire, act, send, target } = directory.company()
    const employee = await hire({ joinsOn: '2020-01-01' })
    const { id: employeeId } = employee
    const again = (version: number, joinsOn: string) => ({
      ...target({ ...employee, version }),
      joinsOn,
      terms: { timeZone: 'UTC', jobTitle: 'Back' },
    })
    expect(await send('rehireEmployee', again(1, '2023-01-01'))).toMatchObject(problem(409, 'still-employed'))
    await act('terminateEmployee', { ...target(employee), leavesOn: '2022-12-31', reason: 'studies' })
    expect(await send('rehireEmployee', again(2, '2022-12-31'))).toMatchObject(
      problem(409, 'employment-overlap'),
    )
    await act('rehireEmployee', again(2, '2024-01-01'))
    const statusOn = async (asOf: string) =>
      (await act('getEmployee', { employeeId, asOf, scope: everything })).status
    expect(await statusOn('2022-12-31')).toBe('active')
    expect(await statusOn('2023-06-01')).toBe('terminated')
    expect(await statusOn('2024-01-01')).toBe('active')
    const { employments } = await act('getEmployeeHistory', { employeeId, scope: everything })
    expect(employments).toEqual([
      { joinsOn: '2024-01-01', leavesOn: null, leavingReason: null },
      { joinsOn: '2020-01-01', leavesOn: '2022-12-31', leavingReason: 'studies' },
    ])
  })
})

describe('the reporting line', () => {
  it('has no cycle on any date', async () => {
    const { hire, act, send, target } = directory.company()
    const a = await hire()
    const b = await hire({ terms: { managerId: a.id } })
    const c = await hire({ terms: { managerId: b.id } })
    const move = (effectiveFrom: string, managerId: string, version = 1) => ({
      ...target({ ...a, version }),
      effectiveFrom,
      to: { managerId },
    })
    for (const { id } of [a, b, c])
      expect(await send('transferEmployee', move('2025-01-01', id))).toMatchObject(
        problem(422, 'reporting-cycle', { pointer: '/to/managerId' }),
      )
    // Once b no longer reports to a, a may report to b; but not a day before.
    await act('transferEmployee', { ...target(b), effectiveFrom: '2026-01-01', to: { managerId: null } })
    expect(await send('transferEmployee', move('2025-12-31', c.id))).toMatchObject(
      problem(422, 'reporting-cycle', { detail: 'The manager would report to this employee on 2025-12-31' }),
    )
    await act('transferEmployee', move('2026-01-01', c.id))
    const { line } = await act('getReportingLine', {
      employeeId: a.id,
      asOf: '2026-01-01',
      scope: everything,
    })
    expect(line.map(({ employeeId }) => employeeId)).toEqual([a.id, c.id, b.id])
  })

  it('is shown as a chart and counted as of a date', async () => {
    const { hire, act, target } = directory.company()
    const top = await hire({ joinsOn: '2020-01-01', person: { familyName: 'Top' } })
    const mid = await hire({ joinsOn: '2020-01-01', terms: { managerId: top.id, jobTitle: 'Lead' } })
    const low = await hire({ joinsOn: '2022-01-01', terms: { managerId: mid.id } })
    await act('transferEmployee', { ...target(low), effectiveFrom: '2024-01-01', to: { managerId: top.id } })
    const countOn = (asOf: string) => act('countReports', { employeeId: top.id, asOf, scope: everything })
    expect(await countOn('2021-01-01')).toEqual({ direct: 1, total: 1 })
    expect(await countOn('2022-01-01')).toEqual({ direct: 1, total: 2 })
    expect(await countOn('2024-01-01')).toEqual({ direct: 2, total: 2 })
    const chart = await act('getOrgChart', { asOf: '2023-01-01', depth: 1, scope: everything })
    expect(chart).toMatchObject({
      nodes: [
        { employeeId: top.id, level: 0, directReports: 1, displayName: 'Ada Top' },
        { employeeId: mid.id, level: 1, directReports: 1, jobTitle: 'Lead' },
      ],
      truncated: false,
    })
  })
})

describe('a person', () => {
  it('changes, and the display name with the names unless it was given', async () => {
    const { hire, act, target } = directory.company()
    const employee = await hire()
    const married = await act('changePerson', { ...target(employee), changes: { familyName: 'Lind' } })
    expect(married).toMatchObject({ person: { displayName: 'Ada Lind' }, version: 2 })
    const named = await act('changePerson', { ...target(married), changes: { displayName: 'Ada L.' } })
    const kept = await act('changePerson', { ...target(named), changes: { familyName: 'Moe' } })
    expect(kept.person.displayName).toBe('Ada L.')
    const own = await act('changePerson', { ...target(kept), changes: { displayName: null } })
    expect(own.person.displayName).toBe('Ada Moe')
  })

  it('is erased after leaving, from the audit trail too', async () => {
    const { hire, act, send, target } = directory.company()
    const employee = await hire({
      joinsOn: '2020-01-01',
      person: { givenName: 'Zebulon', email: 'z@example.com' },
    })
    const { id: employeeId } = employee
    const erase = { employeeId, scope: everything }
    expect(await send('eraseEmployee', erase)).toMatchObject(problem(409, 'still-employed'))
    await act('terminateEmployee', { ...target(employee), leavesOn: '2022-01-01', reason: 'illness' })
    expect(await act('eraseEmployee', erase)).toEqual({ employeeId, erased: true })
    expect(await act('eraseEmployee', erase)).toEqual({ employeeId, erased: true })
    const trace = await directory.db.sudo<{ found: number }>(
      `select count(*)::int as found from (
         select e::text as row from employee e union all select s::text from employee_search s
         union all select a::text from audit_value a union all select m::text from employment m) rows
       where row ~* 'zebulon|example.com|illness'`,
    )
    expect(trace).toEqual([{ found: 0 }])
    const { items } = await act('getAuditTrail', { object: 'employee', id: employeeId, scope: everything })
    expect(items.map(({ operation, erased }) => [operation, erased])).toEqual([
      ['eraseEmployee', false],
      ['terminateEmployee', true],
      ['hireEmployee', true],
    ])
    expect(
      await send('changePerson', { ...target({ ...employee, version: 3 }), changes: { givenName: 'Z' } }),
    ).toMatchObject(problem(409, 'employee-erased'))
  })
})

describe('the audit trail', () => {
  it('hides personal values from readers without the right', async () => {
    const { hire, act, target } = directory.company()
    const employee = await hire({ number: 'A1' })
    await act('changePerson', { ...target(employee), changes: { email: 'ada@example.com' } })
    const read = (unmask: boolean) =>
      act('getAuditTrail', { object: 'employee', id: employee.id, unmask, scope: everything })
    expect((await read(false)).items).toMatchObject([
      { operation: 'changePerson', before: { email: null }, after: { email: '***' }, masked: true },
      { operation: 'hireEmployee', after: { givenName: '***', employeeNumber: 'A1' }, masked: true },
    ])
    expect((await read(true)).items).toMatchObject([
      { after: { email: 'ada@example.com' }, masked: false },
      { after: { givenName: 'Ada' }, masked: false },
    ])
  })
})
