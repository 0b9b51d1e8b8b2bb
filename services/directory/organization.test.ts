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
  body: { type: problemBase + code, ...fields },
})

describe('an org unit', () => {
  it('is renamed and moved from a date on', async () => {
    const { act, unit } = directory.company()
    const root = await unit({ name: 'Company' })
    const a = await unit({ name: 'A', parentId: root.id })
    const b = await unit({ name: 'B', parentId: a.id })
    await act('changeOrgUnit', {
      orgUnitId: b.id,
      expectedVersion: 1,
      effectiveFrom: '2025-01-01',
      changes: { name: 'B2', parentId: root.id },
      scope: everything,
    })
    const treeOn = async (asOf: string) => {
      const { units } = await act('getOrgTree', { asOf, scope: everything })
      return units.map(({ name, level }) => `${level} ${name}`)
    }
    expect(await treeOn('2024-12-31')).toEqual(['0 Company', '1 A', '2 B'])
    expect(await treeOn('2025-01-01')).toEqual(['0 Company', '1 A', '1 B2'])
    expect(await treeOn('1999-12-31')).toEqual([])
    const { units } = await act('getOrgTree', { asOf: '2024-01-01', rootOrgUnitId: a.id, scope: everything })
    expect(units.map(({ name }) => name)).toEqual(['A', 'B'])
  })

  it('counts the people in it on a date', async () => {
    const { act, unit, hire } = directory.company()
    const { id: orgUnitId } = await unit()
    await hire({ joinsOn: '2024-01-01', terms: { orgUnitId } })
    for (const [asOf, headcount] of [
      ['2023-12-31', 0],
      ['2024-01-01', 1],
    ])
      expect(await act('getOrgTree', { asOf, scope: everything })).toMatchObject({ units: [{ headcount }] })
  })

  it('has a code of its own', async () => {
    const { unit, send } = directory.company()
    await unit({ code: 'HR' })
    const again = { code: 'HR', name: 'Again', opensOn: '2024-01-01', scope: everything }
    expect(await send('createOrgUnit', again)).toMatchObject(problem(409, 'org-unit-code-taken'))
  })

  it('is not inside itself on any date', async () => {
    const { unit, send, act } = directory.company()
    const a = await unit()
    const b = await unit({ parentId: a.id })
    const move = (effectiveFrom: string, parentId: string, expectedVersion = 1) => ({
      orgUnitId: a.id,
      expectedVersion,
      effectiveFrom,
      changes: { parentId },
      scope: everything,
    })
    const cycle = problem(422, 'org-unit-cycle', { pointer: '/changes/parentId' })
    expect(await send('changeOrgUnit', move('2025-01-01', a.id))).toMatchObject(cycle)
    expect(await send('changeOrgUnit', move('2025-01-01', b.id))).toMatchObject(cycle)
    await act('changeOrgUnit', { ...move('2026-01-01', b.id), orgUnitId: b.id, changes: { parentId: null } })
    expect(await send('changeOrgUnit', move('2025-12-31', b.id))).toMatchObject(cycle)
    expect(await send('changeOrgUnit', move('2026-01-01', b.id))).toMatchObject({ status: 200 })
  })

  it('closes when nobody and nothing is left in it, and takes no one in after', async () => {
    const { unit, hire, send, act, target } = directory.company()
    const parent = await unit()
    const child = await unit({ parentId: parent.id })
    const employee = await hire({ terms: { orgUnitId: child.id } })
    const close = ({ id }: typeof parent, closesOn: string | null, expectedVersion = 1) =>
      send('closeOrgUnit', { orgUnitId: id, expectedVersion, closesOn, scope: everything })
    expect(await close(parent, '2025-12-31')).toMatchObject(problem(409, 'org-unit-in-use'))
    expect(await close(child, '2025-12-31')).toMatchObject(problem(409, 'org-unit-in-use'))
    await act('transferEmployee', {
      ...target(employee),
      effectiveFrom: '2026-01-01',
      to: { orgUnitId: null },
    })
    expect(await close(child, '1999-01-01')).toMatchObject(problem(422, 'org-unit-closed'))
    expect(await close(child, '2025-12-31')).toMatchObject({ body: { closesOn: '2025-12-31' } })
    expect(await close(parent, '2025-12-30')).toMatchObject(problem(409, 'org-unit-in-use'))
    expect(await close(parent, '2025-12-31')).toMatchObject({ status: 200 })
    const moveIn = { effectiveFrom: '2026-06-01', to: { orgUnitId: child.id } }
    expect(
      await send('transferEmployee', { ...target({ ...employee, version: 2 }), ...moveIn }),
    ).toMatchObject(problem(422, 'org-unit-closed', { pointer: '/to/orgUnitId' }))
    // A unit opens again only inside one that is open.
    expect(await close(child, null, 2)).toMatchObject(problem(422, 'org-unit-closed'))
    expect(await close(parent, null, 2)).toMatchObject({ body: { closesOn: null, version: 3 } })
    expect(await close(child, null, 2)).toMatchObject({ status: 200 })
  })

  it('changes for who has read it last, and reaches all', async () => {
    const { unit, send, hire, hr } = directory.company()
    const { id: orgUnitId } = await unit()
    const { id: employeeId } = await hire()
    const change = {
      orgUnitId,
      expectedVersion: 2,
      effectiveFrom: '2025-01-01',
      changes: { name: 'New' },
      scope: everything,
    }
    expect(await send('changeOrgUnit', change)).toMatchObject(problem(412, 'version-conflict'))
    const manager = { ...hr, employee: employeeId, roles: ['manager:reports'] as const }
    const scope = { reach: 'reports', employeeId }
    expect(await send('changeOrgUnit', { ...change, scope }, manager)).toMatchObject(
      problem(403, 'forbidden'),
    )
  })
})

describe('a position', () => {
  it('is listed by code, changed, and closed to new holders only', async () => {
    const { act, send, hire, target } = directory.company()
    const create = (code: string) =>
      act('createPosition', { code, title: `Title ${code}`, scope: everything })
    const [b, a] = [await create('B'), await create('A')]
    const first = await act('listPositions', { limit: 1, scope: everything })
    expect(first.items).toEqual([a])
    const second = await act('listPositions', { limit: 1, cursor: first.next, scope: everything })
    expect(second).toEqual({ items: [b], next: null })

    const holder = await hire({ terms: { positionId: a.id } })
    const closing = { positionId: a.id, expectedVersion: 1, changes: { open: false }, scope: everything }
    expect(await act('changePosition', closing)).toMatchObject({ open: false, version: 2 })
    expect(await send('changePosition', closing)).toMatchObject(problem(412, 'version-conflict'))
    const changes = { location: 'Oslo' }
    await act('changeEmployee', { ...target(holder), effectiveFrom: '2024-01-01', changes })
    const other = await hire()
    expect(
      await send('transferEmployee', {
        ...target(other),
        effectiveFrom: '2024-01-01',
        to: { positionId: a.id },
      }),
    ).toMatchObject(problem(422, 'position-closed', { pointer: '/to/positionId' }))
  })
})
