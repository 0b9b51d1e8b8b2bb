import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemBase } from '#kit/problem.ts'
import { type Answer, type Directory, everything, startDirectory } from './testing.ts'

let directory: Directory
beforeAll(async () => {
  directory = await startDirectory()
})
afterAll(() => directory.close())

/** How often two requests at once are tried: each time they meet a little differently. */
const rounds = Array.from({ length: 12 }, (_, round) => round)

const codes = (answers: readonly Answer<Record<string, unknown>>[]) =>
  answers
    .map(({ status, body }) => (status === 200 ? 'done' : String(body.type).slice(problemBase.length)))
    .sort()

describe('two legal requests at once', () => {
  it('never make two people each other’s manager', async () => {
    const { hire, send, target } = directory.company()
    for (const _ of rounds) {
      const [a, b] = [await hire(), await hire()]
      const under = (employee: typeof a, manager: typeof a) =>
        send('transferEmployee', {
          ...target(employee),
          effectiveFrom: '2025-01-01',
          to: { managerId: manager.id },
        })
      expect(codes(await Promise.all([under(a, b), under(b, a)]))).toEqual(['done', 'reporting-cycle'])
    }
  })

  it('never close a circle of many', async () => {
    const { hire, send, target } = directory.company()
    const ring = await Promise.all(Array.from({ length: 6 }, () => hire()))
    const answers = await Promise.all(
      ring.map((employee, i) =>
        send('transferEmployee', {
          ...target(employee),
          effectiveFrom: '2025-01-01',
          to: { managerId: ring[(i + 1) % ring.length]!.id },
        }),
      ),
    )
    expect(codes(answers)).toEqual(['done', 'done', 'done', 'done', 'done', 'reporting-cycle'])
  })

  it('never put two units inside each other', async () => {
    const { unit, send } = directory.company()
    for (const _ of rounds) {
      const [a, b] = [await unit(), await unit()]
      const into = (inner: typeof a, outer: typeof a) =>
        send('changeOrgUnit', {
          orgUnitId: inner.id,
          expectedVersion: 1,
          effectiveFrom: '2025-01-01',
          changes: { parentId: outer.id },
          scope: everything,
        })
      expect(codes(await Promise.all([into(a, b), into(b, a)]))).toEqual(['done', 'org-unit-cycle'])
    }
  })

  it('never leave a new report with a manager who goes', async () => {
    const { hire, send, target } = directory.company()
    for (const round of rounds) {
      const manager = await hire()
      const [gone, hired] = await Promise.all([
        send('terminateEmployee', { ...target(manager), leavesOn: '2030-01-01', reason: 'retires' }),
        send('hireEmployee', {
          person: { givenName: 'Bo', familyName: 'Dahl' },
          employeeNumber: `new-${round}`,
          joinsOn: '2024-01-01',
          terms: { timeZone: 'UTC', managerId: manager.id },
          scope: everything,
        }),
      ])
      expect([
        ['done', 'manager-not-employed'],
        ['has-reports', 'done'],
      ]).toContainEqual([codes([gone!])[0], codes([hired!])[0]])
    }
  })

  it('never leave people in a unit that closes', async () => {
    const { hire, unit, send, target } = directory.company()
    for (const _ of rounds) {
      const [{ id: orgUnitId }, employee] = [await unit(), await hire()]
      const answers = await Promise.all([
        send('closeOrgUnit', { orgUnitId, expectedVersion: 1, closesOn: '2025-01-01', scope: everything }),
        send('transferEmployee', { ...target(employee), effectiveFrom: '2024-01-01', to: { orgUnitId } }),
      ])
      expect([
        ['done', 'org-unit-closed'],
        ['done', 'org-unit-in-use'],
      ]).toContainEqual(codes(answers))
    }
  })

  it('never give one number twice', async () => {
    const { send } = directory.company()
    const hire = {
      person: { givenName: 'Bo', familyName: 'Dahl' },
      employeeNumber: 'only-one',
      joinsOn: '2024-01-01',
      terms: { timeZone: 'UTC' },
      scope: everything,
    }
    const answers = await Promise.all(Array.from({ length: 8 }, () => send('hireEmployee', hire)))
    expect(codes(answers).filter((code) => code === 'done')).toEqual(['done'])
    expect(new Set(codes(answers))).toEqual(new Set(['done', 'employee-number-taken']))
  })

  it('never both change the version that both have read', async () => {
    const { hire, send, target } = directory.company()
    for (const _ of rounds) {
      const employee = await hire()
      const answers = await Promise.all(
        ['Oslo', 'Rome'].map((location) =>
          send('correctEmployee', {
            ...target(employee),
            effectiveFrom: '2020-01-01',
            changes: { location },
          }),
        ),
      )
      expect(codes(answers)).toEqual(['done', 'version-conflict'])
    }
  })
})
