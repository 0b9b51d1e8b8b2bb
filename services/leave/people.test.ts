import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testCall } from '#kit/testing.ts'
import { loadPerson } from './store/people.ts'
import { type Leave, startLeave } from './testing.ts'

let leave: Leave
beforeAll(async () => {
  leave = await startLeave()
})
afterAll(() => leave.close())

describe('what lifecycle tells of an employee', () => {
  const told = { employeeNumber: '1', employments: [{ joinsOn: '2020-01-01', leavesOn: null }] }
  const terms = {
    effectiveFrom: '2020-01-01',
    effectiveTo: null,
    managerId: null,
    orgUnitId: null,
    location: 'Leeds',
    timeZone: 'Europe/London',
    employmentType: 'permanent',
    fte: 0.615,
  } as const

  it('is known from then on, and a late or doubled state of it changes nothing', async () => {
    const { act, hire, tenant } = leave.company()
    const employeeId = await hire()
    const lifecycle = { tenant, account: 'job:lifecycle', roles: [] }
    const put = (sourceVersion: number, location: string) =>
      act('putEmployee', { employeeId, sourceVersion, ...told, terms: [{ ...terms, location }] }, lifecycle)
    expect(await put(3, 'York')).toEqual({ applied: true, sourceVersion: 3 })
    expect(await put(2, 'Leeds')).toEqual({ applied: false, sourceVersion: 2 })
    expect(await put(3, 'Hull')).toEqual({ applied: false, sourceVersion: 3 })
    const call = testCall(tenant)
    const person = await leave.db.database.read(call, (tx) => loadPerson(tx, employeeId))
    expect(person.terms).toEqual([
      {
        from: '2020-01-01',
        to: null,
        managerId: null,
        orgUnitId: null,
        location: 'York',
        timeZone: 'Europe/London',
        employmentType: 'permanent',
        fte: 615,
      },
    ])
  })
})
