import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestCaller } from '#kit/testing.ts'
import { type Company, type Directory, everything, startDirectory } from './testing.ts'

let directory: Directory
let company: Company
let ids: Record<'boss' | 'manager' | 'direct' | 'indirect' | 'peer', string>
beforeAll(async () => {
  directory = await startDirectory()
  company = directory.company()
  const under = async (managerId?: string, joinsOn = '2020-01-01') =>
    (await company.hire({ joinsOn, terms: managerId ? { managerId } : {} })).id
  const boss = await under()
  const manager = await under(boss)
  const direct = await under(manager)
  ids = { boss, manager, direct, indirect: await under(direct), peer: await under(boss) }
})
afterAll(() => directory.close())

const as = (employee: string, reach: 'self' | 'reports') => {
  const role = reach === 'self' ? ('employee:self' as const) : ('manager:reports' as const)
  const caller: TestCaller = { ...company.hr, employee, roles: [role] }
  return { caller, scope: { reach, employeeId: employee } }
}

const reads = ['getEmployee', 'getEmployeeHistory', 'getReportingLine', 'countReports'] as const

describe.each(reads)('%s', (read) => {
  it.each([
    ['self', 'manager', 200],
    ['self', 'direct', 404],
    ['self', 'peer', 404],
    ['reports', 'manager', 200],
    ['reports', 'direct', 200],
    ['reports', 'indirect', 200],
    ['reports', 'peer', 404],
    ['reports', 'boss', 404],
  ] as const)('within %s of a manager, of %s: %i', async (reach, whom, status) => {
    const { caller, scope } = as(ids.manager, reach)
    expect(await company.send(read, { employeeId: ids[whom], scope }, caller)).toMatchObject({ status })
  })

  it('never reaches into another tenant', async () => {
    const stranger = { ...company.hr, tenant: '0190a6b0-0000-7000-8000-000000000000' }
    const answer = await company.send(read, { employeeId: ids.direct, scope: everything }, stranger)
    expect(answer).toMatchObject({ status: 404 })
  })

  it('is refused with a scope that the token does not give', async () => {
    const { caller } = as(ids.manager, 'reports')
    for (const scope of [everything, { reach: 'reports', employeeId: ids.boss }])
      expect(await company.send(read, { employeeId: ids.direct, scope }, caller)).toMatchObject({
        status: 403,
      })
  })
})

describe('a search', () => {
  it('finds no one outside the scope', async () => {
    const found = async (reach: 'self' | 'reports') => {
      const { caller, scope } = as(ids.manager, reach)
      const { items } = await company.act('searchEmployees', { scope }, caller)
      return new Set(items.map(({ id }) => id))
    }
    expect(await found('self')).toEqual(new Set([ids.manager]))
    expect(await found('reports')).toEqual(new Set([ids.manager, ids.direct, ids.indirect]))
  })
})

describe('names', () => {
  it('are told to everybody of the company who has the ids, and to nobody else', async () => {
    const { caller, scope } = as(ids.direct, 'self')
    const employeeIds = [ids.peer, ids.boss, '0190a6b0-0000-7000-8000-000000000000']
    const { items } = await company.act('getNames', { employeeIds, scope }, caller)
    expect(new Map(items.map(({ employeeId, displayName }) => [employeeId, displayName]))).toEqual(
      new Map([
        [ids.peer, 'Ada Berg'],
        [ids.boss, 'Ada Berg'],
      ]),
    )
    const stranger = { ...company.hr, tenant: '0190a6b0-0000-7000-8000-000000000000' }
    expect(await company.act('getNames', { employeeIds, scope: everything }, stranger)).toEqual({ items: [] })
    const answer = await company.send('getNames', { employeeIds, scope: everything }, caller)
    expect(answer).toMatchObject({ status: 403 })
  })
})

describe('a change of terms', () => {
  const change = (whom: keyof typeof ids, reach: 'self' | 'reports') => {
    const { caller, scope } = as(ids.manager, reach)
    const changes = { location: 'Oslo' }
    const target = { employeeId: ids[whom], expectedVersion: 1, scope }
    return company.send('correctEmployee', { ...target, effectiveFrom: '2020-01-01', changes }, caller)
  }

  it('is not one’s own to make', async () => {
    for (const reach of ['self', 'reports'] as const)
      expect(await change('manager', reach)).toMatchObject({ status: 404 })
  })

  it('is made for reports, and for nobody else', async () => {
    expect(await change('indirect', 'reports')).toMatchObject({ status: 200 })
    expect(await change('peer', 'reports')).toMatchObject({ status: 404 })
  })
})

describe('authority', () => {
  it('is that of today, of the next manager before joining, and ends with the employment', async () => {
    const { act, send, hire, target } = company
    const { caller, scope } = as(ids.manager, 'reports')
    const status = async (employeeId: string, asOf?: string) =>
      (await send('getEmployee', { employeeId, ...(asOf ? { asOf } : {}), scope }, caller)).status
    const moved = await hire({ terms: { managerId: ids.manager } })
    await act('transferEmployee', {
      ...target(moved),
      effectiveFrom: '2021-01-01',
      to: { managerId: ids.peer },
    })
    expect(await status(moved.id, '2020-06-01')).toBe(404)
    const pending = await hire({ joinsOn: '2090-01-01', terms: { managerId: ids.manager } })
    expect(await status(pending.id)).toBe(200)
    const gone = await hire({ terms: { managerId: ids.manager } })
    await act('terminateEmployee', { ...target(gone), leavesOn: '2021-01-01', reason: 'moves' })
    expect(await status(gone.id)).toBe(404)
  })
})
