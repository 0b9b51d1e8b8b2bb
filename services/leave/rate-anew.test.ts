import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { testCall } from '#kit/testing.ts'
import { recordsOf } from './fixtures/records.ts'
import { rateRequestsAnew } from './rate-anew.ts'
import { everything, type Leave, startLeave } from './testing.ts'

let leave: Leave
beforeAll(async () => {
  leave = await startLeave()
})
afterAll(() => leave.close())
beforeEach(() => leave.setNow('2026-03-02T09:00:00Z'))

type Request = Awaited<ReturnType<ReturnType<Leave['company']>['request']>>

/** Somebody with a leave type and a calendar that can change. */
async function company(...[rules, given]: Parameters<ReturnType<Leave['company']>['type']>) {
  const it = leave.company()
  const [manager, { id: patternId }] = [await it.hire(), await it.pattern()]
  const employee = await it.hire({ managerId: manager })
  const type = await it.type(rules, given)
  const { id: calendarId } = await it.act('createHolidayCalendar', {
    code: randomUUIDv7(),
    name: 'Holidays',
    isDefault: true,
    scope: everything,
  })
  const self = (employeeId: string) => ({ reach: 'self' as const, employeeId })
  return {
    ...it,
    ...recordsOf(leave, it.tenant),
    manager,
    employee,
    type,
    patternId,
    submit: (from: string, to = from, more: Parameters<typeof it.request>[4] = {}) =>
      it.request(employee, type.id, from, to, more),
    approve: ({ id, version }: Request) =>
      it.act(
        'decideRequest',
        { requestId: id, expectedVersion: version, decision: 'approve', scope: self(manager) },
        it.as(manager),
      ),
    cancel: ({ id, version }: { id: string; version: number }) =>
      it.act('cancelRequest', { requestId: id, expectedVersion: version, scope: everything }),
    read: ({ id }: Request) => it.act('getRequest', { requestId: id, scope: everything }),
    holiday: (date: string, portion: 'full' | 'first-half' | 'second-half' = 'full') =>
      it.act('setHolidays', {
        calendarId,
        holidays: [{ date, name: 'Holiday', portion }],
        scope: everything,
      }),
    unholiday: (date: string) => it.act('removeHoliday', { calendarId, date, scope: everything }),
    /** What the job does, as often as it likes. */
    rate: (
      cause: 'holidays' | 'working-pattern' | 'policy' | 'employment' = 'holidays',
      from = '2026-03-02',
    ) => rateRequestsAnew(leave.db.database, testCall(it.tenant), leave.clock, { cause, from }),
    balance: async () => {
      const [row] = await leave.db.sudo<{ sum: number; kept: number }>(
        `select (select coalesce(sum(amount), 0)::float8 from entry e where e.account_id = a.id) as sum,
           balance::float8 as kept from account a where employee_id = $1 and type_id = $2`,
        [employee, type.id],
      )
      expect(row!.kept).toBe(row!.sum)
      return row!.sum / 1000
    },
  }
}

describe('a holiday that is added later', () => {
  it('Frappe #2770: gives the day back to leave that is requested or approved already', async () => {
    const { submit, approve, read, holiday, rate, balance, events } = await company()
    const [approved, pending] = [
      await approve(await submit('2026-04-06', '2026-04-10')),
      await submit('2026-04-13'),
    ]
    await holiday('2026-04-06')
    await holiday('2026-04-13', 'second-half')
    await rate()
    expect(await read(approved)).toMatchObject({
      state: 'approved',
      amount: 4,
      days: [{ date: '2026-04-06', minutes: 0, amount: 0 }, {}, {}, {}, {}],
      changes: [
        { cause: 'holidays', before: 5, after: 4, outcome: 're-rated', at: '2026-03-02T09:00:00.000000Z' },
      ],
      version: 3,
    })
    expect(await read(pending)).toMatchObject({
      state: 'pending',
      amount: 0.5,
      changes: [{ before: 1, after: 0.5 }],
    })
    expect(await balance()).toBe(25.5)
    await rate()
    expect(await events(approved.id)).toEqual([
      'leave-requested 1 ',
      'leave-approved 2 state',
      'leave-rated-anew 3 amount',
    ])
  })

  it('keeps what each entry was, and gives back to the same grants', async () => {
    const { submit, approve, holiday, unholiday, rate, cancel, read, balance, type, employee, act } =
      await company({
        accrual: { amount: 3 },
      })
    await act('grantLeave', {
      employeeId: employee,
      typeId: type.id,
      amount: 2,
      usableFrom: '2026-03-01',
      usableTo: '2026-04-30',
      reason: 'Overtime',
      scope: everything,
    })
    const made = await approve(await submit('2026-04-06', '2026-04-09'))
    const lots = () =>
      leave.db.sudo<{ origin: string; remaining: number }>(
        `select origin, l.remaining::float8 as remaining from lot l join account a on a.id = l.account_id
         where a.employee_id = $1 order by origin`,
        [employee],
      )
    expect(await lots()).toEqual([
      { origin: 'entitlement', remaining: 1000 },
      { origin: 'grant', remaining: 0 },
    ])
    await holiday('2026-04-06')
    await rate()
    expect(await lots()).toEqual([
      { origin: 'entitlement', remaining: 1000 },
      { origin: 'grant', remaining: 1000 },
    ])
    await unholiday('2026-04-06')
    await rate()
    expect(await lots()).toEqual([
      { origin: 'entitlement', remaining: 1000 },
      { origin: 'grant', remaining: 0 },
    ])
    expect((await read(made)).changes.map(({ before, after }) => [before, after])).toEqual([
      [4, 3],
      [3, 4],
    ])
    await cancel(await read(made))
    expect(await lots()).toEqual([
      { origin: 'entitlement', remaining: 3000 },
      { origin: 'grant', remaining: 2000 },
    ])
    expect(await balance()).toBe(5)
  })

  it('changes nothing of what has passed, or is closed', async () => {
    const { submit, holiday, rate, read, act } = await company()
    const made = await submit('2026-03-02', '2026-03-06')
    leave.setNow('2026-03-04T09:00:00Z')
    for (const date of ['2026-03-03', '2026-03-05', '2026-03-06']) await holiday(date)
    await act('closePeriod', { through: '2026-03-05', scope: everything })
    await rate()
    expect(await read(made)).toMatchObject({ amount: 4, changes: [{ before: 5, after: 4 }] })
  })

  it('leaves cancelled and rejected requests alone', async () => {
    const { submit, cancel, holiday, rate, read } = await company()
    const made = await submit('2026-04-06')
    await cancel(made)
    await holiday('2026-04-06')
    await rate()
    expect(await read(made)).toMatchObject({ amount: 1, changes: [] })
  })
})

describe('a change that makes leave dearer', () => {
  it('is charged where the balance covers it; else the request stays as it was, and says so once', async () => {
    const { submit, holiday, unholiday, rate, read, balance, events } = await company({
      accrual: { amount: 2 },
    })
    await holiday('2026-04-06')
    const made = await submit('2026-04-06', '2026-04-08')
    expect(await balance()).toBe(0)
    await unholiday('2026-04-06')
    await rate()
    await rate()
    expect(await read(made)).toMatchObject({
      amount: 2,
      changes: [{ cause: 'holidays', before: 2, after: 3, outcome: 'insufficient-balance' }],
      version: 2,
    })
    expect(await balance()).toBe(0)
    expect(await events(made.id)).toEqual(['leave-requested 1 ', 'leave-rated-anew 2 amount'])
  })

  it('of the working pattern is charged by the new pattern', async () => {
    const { submit, rate, read, act, patternId } = await company()
    const made = await submit('2026-04-06', '2026-04-12')
    await act('changeWorkingPattern', {
      patternId,
      expectedVersion: 1,
      changes: { weeks: [[480, 480, 480, 480, 0, 300, 0]] },
      scope: everything,
    })
    await rate('working-pattern')
    // A day is a day, however long it is.
    expect(await read(made)).toMatchObject({
      amount: 5,
      days: [{}, {}, {}, {}, { minutes: 0, amount: 0 }, { minutes: 300, amount: 1 }, {}],
      changes: [{ cause: 'working-pattern', before: 5, after: 5 }],
    })
  })
})

describe('hours', () => {
  it('give way to a half day on the same date when a holiday leaves too little', async () => {
    const { submit, holiday, rate, read, balance } = await company({}, { unit: 'hour' })
    const hours = await submit('2026-04-06', '2026-04-06', {
      parts: [{ date: '2026-04-06', take: { part: 'hours', minutes: 200 } }],
    })
    const morning = await submit('2026-04-06', '2026-04-06', {
      parts: [{ date: '2026-04-06', take: { part: 'first-half' } }],
    })
    await holiday('2026-04-06', 'second-half')
    await rate()
    expect(await read(morning)).toMatchObject({ amount: 4, changes: [] })
    expect(await read(hours)).toMatchObject({ amount: 0, changes: [{ before: 3.333, after: 0 }] })
    expect(await balance()).toBe(26)
  })
})

describe('an employment that ends earlier', () => {
  it('takes nothing for days after it', async () => {
    const { submit, hire, employee, manager, rate, read, balance } = await company({
      accrual: { amount: 30, prorateEmployment: false },
    })
    const made = await submit('2026-04-06', '2026-04-10')
    await hire({ id: employee, version: 2, managerId: manager, leavesOn: '2026-04-07' })
    await rate('employment')
    expect(await read(made)).toMatchObject({
      amount: 2,
      changes: [{ cause: 'employment', before: 5, after: 2 }],
    })
    expect(await balance()).toBe(28)
  })
})
