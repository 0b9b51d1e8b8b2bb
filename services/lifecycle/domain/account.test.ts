import { describe, expect, it } from 'vitest'
import { type AccountFacts, type EmployeeFacts, planAccount } from './account.ts'
import { type Progress, progressOf } from './process.ts'

const fresh = progressOf.account.parse({})
const boss = '00000000-0000-7000-8000-00000000000b'
const other = '00000000-0000-7000-8000-00000000000c'

const employee = (change: Partial<EmployeeFacts> = {}): EmployeeFacts => ({
  email: 'ana@example.com',
  displayName: 'Ana',
  employments: [{ joinsOn: '2026-03-01', leavesOn: null }],
  terms: [{ effectiveFrom: '2026-03-01', timeZone: 'Asia/Tokyo', managerId: null }],
  hasReports: false,
  ...change,
})
const leaving = (leavesOn: string) => ({ employments: [{ joinsOn: '2026-03-01', leavesOn }] })
const active: AccountFacts = { status: 'active', email: 'ana@example.com', displayName: 'Ana' }
const disabled: AccountFacts = { ...active, status: 'disabled' }
const known: Progress<'account'> = { ...fresh, manager: false }
const provision = { do: 'provision', email: 'ana@example.com', displayName: 'Ana', manager: false }

const at = (instant: string) => new Date(instant)
const summer = at('2026-07-01T12:00:00Z')

describe('joining', () => {
  it('waits for the beginning of the day in the zone of the employee', () => {
    // Tokyo is nine hours ahead of UTC.
    expect(planAccount(employee(), null, fresh, at('2026-02-28T14:59:59Z'))).toMatchObject({
      commands: [],
      next: { state: 'scheduled', at: at('2026-02-28T15:00:00Z'), why: 'joining-day' },
    })
    expect(planAccount(employee(), null, fresh, at('2026-02-28T15:00:00Z'))).toMatchObject({
      commands: [provision],
      next: { state: 'done', why: null },
    })
  })

  it('waits for an e-mail address', () => {
    expect(planAccount(employee({ email: null }), null, fresh, summer)).toMatchObject({
      commands: [],
      next: { state: 'waiting', why: 'email-missing' },
    })
  })

  it('keeps an account out when the joining day is put off', () => {
    const later = employee({ employments: [{ joinsOn: '2026-08-01', leavesOn: null }] })
    expect(planAccount(later, active, known, summer).commands).toEqual([
      { do: 'end', at: summer, reason: 'Not joined yet' },
    ])
  })
})

describe('an account that is in line', () => {
  it('needs nothing', () => {
    const plan = planAccount(employee(), active, known, summer)
    expect(plan).toEqual({ commands: [], progress: known, next: { state: 'done', why: null }, managers: [] })
  })

  it('does not mind the case of e-mail addresses', () => {
    expect(planAccount(employee({ email: 'Ana@Example.com' }), active, known, summer).commands).toEqual([])
  })

  it('follows e-mail address, name and reports', () => {
    for (const change of [{ email: 'new@example.com' }, { displayName: 'Ana B' }, { hasReports: true }])
      expect(planAccount(employee(change), active, known, summer).commands).toMatchObject([
        { do: 'provision' },
      ])
  })

  it('keeps its address when directory has none any more', () => {
    expect(planAccount(employee({ email: null }), active, known, summer).commands).toEqual([])
  })

  it('is left to HR when they disabled it by hand', () => {
    expect(planAccount(employee(), disabled, known, summer).commands).toEqual([])
    expect(planAccount(employee(leaving('2026-09-01')), disabled, known, summer).commands).toEqual([])
  })

  it('is left alone once erased, or without an employee', () => {
    expect(planAccount(employee(), { ...disabled, status: 'erased' }, known, summer).commands).toEqual([])
    expect(planAccount(null, active, known, summer)).toMatchObject({ commands: [], next: { state: 'done' } })
  })
})

describe('leaving', () => {
  const end = at('2026-08-31T15:00:00Z')

  it('is told ahead and looked at again when the last day ends in the zone', () => {
    expect(planAccount(employee(leaving('2026-08-31')), active, known, summer)).toMatchObject({
      commands: [{ do: 'end', at: end }],
      progress: { endsAt: end.toISOString() },
      next: { state: 'scheduled', at: end, why: 'leaving-day' },
    })
  })

  it('ends access at that instant, not before', () => {
    const told = { ...known, endsAt: end.toISOString() }
    const before = planAccount(employee(leaving('2026-08-31')), active, told, at('2026-08-31T14:59:59Z'))
    expect(before.commands).toEqual([])
    const after = planAccount(employee(leaving('2026-08-31')), disabled, told, end)
    expect(after).toMatchObject({
      commands: [{ do: 'end', at: end, reason: 'Employment ended' }],
      progress: { ended: true },
      next: { state: 'done' },
    })
    expect(planAccount(employee(leaving('2026-08-31')), disabled, after.progress, end).commands).toEqual([])
  })

  it('has 23 and 25 hour days where clocks change', () => {
    const berlin = (leavesOn: string) =>
      employee({
        ...leaving(leavesOn),
        terms: [{ effectiveFrom: '2026-03-01', timeZone: 'Europe/Berlin', managerId: null }],
      })
    const endOf = (leavesOn: string) =>
      planAccount(berlin(leavesOn), active, known, at('2026-03-05T00:00:00Z')).next
    expect(endOf('2026-03-28')).toMatchObject({ at: at('2026-03-28T23:00:00Z') })
    expect(endOf('2026-03-29')).toMatchObject({ at: at('2026-03-29T22:00:00Z') })
    expect(endOf('2026-10-25')).toMatchObject({ at: at('2026-10-25T23:00:00Z') })
  })

  it('counts in the zone of the last day when the person moves', () => {
    const moved = employee({
      ...leaving('2026-08-31'),
      terms: [
        { effectiveFrom: '2026-08-01', timeZone: 'America/New_York', managerId: null },
        { effectiveFrom: '2026-03-01', timeZone: 'Asia/Tokyo', managerId: null },
      ],
    })
    expect(planAccount(moved, active, known, summer).next).toMatchObject({ at: at('2026-09-01T04:00:00Z') })
  })

  it('is planned anew when the day is corrected', () => {
    const told = { ...known, endsAt: end.toISOString() }
    expect(planAccount(employee(leaving('2026-08-30')), active, told, summer).commands).toMatchObject([
      { do: 'end', at: at('2026-08-30T15:00:00Z') },
    ])
  })

  it('is taken back when the termination is', () => {
    const told = { ...known, endsAt: end.toISOString() }
    expect(planAccount(employee(), active, told, summer)).toMatchObject({
      commands: [{ do: 'enable' }],
      progress: { endsAt: null },
      next: { state: 'done' },
    })
    // Late: access has lapsed meanwhile, with lifecycle down.
    expect(planAccount(employee(), disabled, told, at('2026-09-02T00:00:00Z')).commands).toEqual([
      { do: 'enable' },
    ])
  })
})

describe('rehire', () => {
  it('lets in again from the new joining day on', () => {
    const again = employee({
      employments: [
        { joinsOn: '2026-09-15', leavesOn: null },
        { joinsOn: '2026-03-01', leavesOn: '2026-05-31' },
      ],
    })
    const left = { ...known, ended: true }
    expect(planAccount(again, disabled, left, summer)).toMatchObject({
      commands: [],
      next: { state: 'scheduled', at: at('2026-09-14T15:00:00Z'), why: 'joining-day' },
    })
    expect(planAccount(again, disabled, left, at('2026-09-14T15:00:00Z'))).toMatchObject({
      commands: [{ do: 'enable' }],
      progress: { ended: false },
      next: { state: 'done' },
    })
  })
})

describe('the reporting line', () => {
  const reportsTo = (managerId: string | null) =>
    employee({ terms: [{ effectiveFrom: '2026-03-01', timeZone: 'Asia/Tokyo', managerId }] })

  it('makes old and new manager looked at', () => {
    const first = planAccount(reportsTo(boss), active, known, summer)
    expect(first.managers).toEqual([boss])
    expect(planAccount(reportsTo(boss), active, first.progress, summer).managers).toEqual([])
    expect(planAccount(reportsTo(other), active, first.progress, summer).managers).toEqual([boss, other])
    expect(planAccount(null, active, first.progress, summer).managers).toEqual([boss])
  })

  it('is looked at again on the day of a planned change', () => {
    const planned = employee({
      terms: [
        { effectiveFrom: '2026-03-01', timeZone: 'Asia/Tokyo', managerId: boss },
        { effectiveFrom: '2026-08-01', timeZone: 'Asia/Tokyo', managerId: other },
      ],
    })
    const change = at('2026-07-31T15:00:00Z')
    const now = planAccount(planned, active, known, summer)
    expect(now).toMatchObject({
      managers: [boss],
      next: { state: 'scheduled', at: change, why: 'manager-change' },
    })
    expect(planAccount(planned, active, now.progress, change)).toMatchObject({
      managers: [boss, other],
      next: { state: 'done' },
    })
  })
})
