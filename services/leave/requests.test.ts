import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { recordsOf } from './fixtures/records.ts'
import { everything, type Leave, problem, startLeave } from './testing.ts'

let leave: Leave
beforeAll(async () => {
  leave = await startLeave()
})
afterAll(() => leave.close())
// A Monday.
beforeEach(() => leave.setNow('2026-03-02T09:00:00Z'))

const half = (date: string, part: 'first-half' | 'second-half' = 'first-half') => ({ date, take: { part } })
const hours = (date: string, minutes: number) => ({ date, take: { part: 'hours' as const, minutes } })

/** Somebody with a manager, and a leave type of 30 days a year. */
async function team(...[rules, given]: Parameters<ReturnType<Leave['company']>['type']>) {
  const company = leave.company()
  const manager = await company.hire()
  const [employee, type] = [
    await company.hire({ managerId: manager }),
    await company.type(rules, given, '2000-01-01'),
  ]
  const wanted = (startsOn: string, endsOn = startsOn, parts: object[] = [], more: object = {}) => ({
    employeeId: employee,
    typeId: type.id,
    startsOn,
    endsOn,
    parts: parts as ReturnType<typeof half>[],
    scope: { reach: 'self' as const, employeeId: employee },
    ...more,
  })
  const as = company.as(employee)
  return {
    ...company,
    ...recordsOf(leave, company.tenant),
    manager,
    employee,
    type,
    submit: (...asked: Parameters<typeof wanted>) => company.act('submitRequest', wanted(...asked), as),
    refused: (...asked: Parameters<typeof wanted>) => company.send('submitRequest', wanted(...asked), as),
    preview: (...asked: Parameters<typeof wanted>) => company.act('previewRequest', wanted(...asked), as),
    cancel: ({ id, version }: { id: string; version: number }) =>
      company.act('cancelRequest', { requestId: id, expectedVersion: version, scope: self(employee) }, as),
    approve: ({ id, version }: { id: string; version: number }) =>
      company.act(
        'decideRequest',
        { requestId: id, expectedVersion: version, decision: 'approve', scope: self(manager) },
        company.as(manager),
      ),
    holidays: async (...given: { date: string; portion?: 'full' | 'first-half' | 'second-half' }[]) => {
      const { id: calendarId } = await company.act('createHolidayCalendar', {
        code: randomUUIDv7(),
        name: 'Holidays',
        isDefault: true,
        scope: everything,
      })
      const holidays = given.map((one) => ({ name: 'Holiday', ...one }))
      await company.act('setHolidays', { calendarId, holidays, scope: everything })
    },
    /** All entries of a request, in the order of booking, with what lot they are in. */
    entries: (id: string) =>
      leave.db.sudo<{ kind: string; amount: number; on: string; lot: string }>(
        `select kind, amount::float8 as amount, effective_on::text as on, lot_id as lot from entry
         where request_id = $1 order by number`,
        [id],
      ),
    /** The sum of all entries, which the account must agree with. */
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
const self = (employeeId: string) => ({ reach: 'self' as const, employeeId })

describe('a request', () => {
  it('is charged for each day with the working time that it takes, and reserves it', async () => {
    const { submit, balance, entries, manager, events } = await team()
    // Friday to Tuesday
    const made = await submit('2026-03-06', '2026-03-10', [half('2026-03-10')], { note: 'Skiing' })
    expect(made).toMatchObject({
      state: 'pending',
      unit: 'day',
      amount: 2.5,
      note: 'Skiing',
      days: [
        { date: '2026-03-06', part: 'full', minutes: 480, amount: 1 },
        { date: '2026-03-07', part: 'full', minutes: 0, amount: 0 },
        { date: '2026-03-08', part: 'full', minutes: 0, amount: 0 },
        { date: '2026-03-09', part: 'full', minutes: 480, amount: 1 },
        { date: '2026-03-10', part: 'first-half', minutes: 240, amount: 0.5 },
      ],
      approvals: [{ step: 1, approver: 'manager', approverId: manager, state: 'pending' }],
      changes: [],
      allowedActions: ['cancel'],
      version: 1,
    })
    expect((await entries(made.id)).map(({ lot: _, ...entry }) => entry)).toEqual([
      { kind: 'reservation', amount: -1000, on: '2026-03-06' },
      { kind: 'reservation', amount: -1000, on: '2026-03-09' },
      { kind: 'reservation', amount: -500, on: '2026-03-10' },
    ])
    expect(await balance()).toBe(27.5)
    expect(await events(made.id)).toEqual(['leave-requested 1 '])
  })

  it('is answered once, however often it is sent with its key', async () => {
    const { act, employee, type, as, balance } = await team()
    const input = { employeeId: employee, typeId: type.id, startsOn: '2026-03-09', endsOn: '2026-03-09' }
    const key = { 'idempotency-key': randomUUIDv7() }
    const send = async () => {
      const { body } = await leave
        .company((await team()).tenant)
        .send('submitRequest', { ...input, scope: self(employee) }, as(employee), key)
      return body.id
    }
    const ids = [await send(), await send()]
    expect(ids[0]).toBe(ids[1])
    expect(await balance()).toBe(29)
    expect((await act('listRequests', { scope: everything })).items.map(({ id }) => id)).toEqual([ids[0]])
  })

  it('of hours takes those hours, of a type in days as a part of the day', async () => {
    const days = await team()
    expect(await days.submit('2026-03-09', '2026-03-09', [hours('2026-03-09', 120)])).toMatchObject({
      amount: 0.25,
    })
    const ofHours = await team({}, { unit: 'hour' })
    expect(await ofHours.submit('2026-03-09', '2026-03-10', [hours('2026-03-09', 90)])).toMatchObject({
      amount: 9.5,
    })
  })

  it('is approved by the manager, and consumes what it had reserved', async () => {
    const { submit, approve, entries, balance, events, employee } = await team()
    const made = await submit('2026-03-09', '2026-03-10')
    const approved = await approve(made)
    expect(approved).toMatchObject({ state: 'approved', version: 2, approvals: [{ state: 'approved' }] })
    expect(employee).not.toBe(approved.approvals[0]!.decidedBy)
    expect((await entries(made.id)).map(({ kind, amount }) => [kind, amount])).toEqual([
      ['reservation', -1000],
      ['reservation', -1000],
      ['reversal', 1000],
      ['reversal', 1000],
      ['consumption', -1000],
      ['consumption', -1000],
    ])
    expect(await balance()).toBe(28)
    expect(await events(made.id)).toEqual(['leave-requested 1 ', 'leave-approved 2 state'])
  })

  it('that is rejected gives back what it had reserved, and leaves its days to others', async () => {
    const { submit, act, as, manager, balance } = await team()
    const { id } = await submit('2026-03-09')
    const rejected = await act(
      'decideRequest',
      {
        requestId: id,
        expectedVersion: 1,
        decision: 'reject',
        comment: 'Stocktaking',
        scope: self(manager),
      },
      as(manager),
    )
    expect(rejected).toMatchObject({
      state: 'rejected',
      allowedActions: [],
      approvals: [{ state: 'rejected', decidedBy: manager, comment: 'Stocktaking' }],
    })
    expect(await balance()).toBe(30)
    await submit('2026-03-09')
  })
})

describe('the named defects of others', () => {
  it('Frappe #238: a half day that is a holiday costs nothing, and takes nothing off the other days', async () => {
    const { preview, holidays } = await team()
    await holidays({ date: '2026-12-24' })
    // Wednesday to Friday, half of Thursday, which is a holiday.
    expect((await preview('2026-12-23', '2026-12-25')).amount).toBe(2)
    expect((await preview('2026-12-23', '2026-12-25', [half('2026-12-24')])).amount).toBe(2)
  })

  it('Frappe #3331: half a day of a holiday or a Sunday is refused', async () => {
    const { refused, holidays } = await team()
    await holidays({ date: '2026-12-24' })
    for (const date of ['2026-12-24', '2026-03-08'])
      expect(await refused(date, date, [half(date)])).toMatchObject(
        problem(422, 'no-working-time', { pointer: '/parts/0/date' }),
      )
  })

  it('Frappe #3331: of a half holiday only the other half can be taken, and costs half a day', async () => {
    const { submit, refused, holidays } = await team()
    await holidays(
      { date: '2026-12-24', portion: 'second-half' },
      { date: '2026-12-31', portion: 'second-half' },
    )
    expect(await refused('2026-12-24', '2026-12-24', [half('2026-12-24', 'second-half')])).toMatchObject(
      problem(422, 'no-working-time'),
    )
    expect(await submit('2026-12-24', '2026-12-24', [half('2026-12-24')])).toMatchObject({ amount: 0.5 })
    expect(await submit('2026-12-31')).toMatchObject({ amount: 0.5 })
  })

  it('competing requests: what is only pending counts, so two cannot both have the last days', async () => {
    const { submit, refused } = await team({ accrual: { amount: 5 } })
    await submit('2026-03-09', '2026-03-11')
    expect(await refused('2026-04-13', '2026-04-15')).toMatchObject(
      problem(409, 'insufficient-balance', { detail: 'It costs 3 days, of which 2 can be taken' }),
    )
    await submit('2026-04-13', '2026-04-14')
  })

  it('deleted ledger rows: a cancel keeps every row, and refunds the same grants', async () => {
    const { submit, approve, cancel, entries, act, employee, type, balance } = await team({
      accrual: { amount: 10 },
    })
    await act('grantLeave', {
      employeeId: employee,
      typeId: type.id,
      amount: 2,
      usableFrom: '2026-03-01',
      usableTo: '2026-03-31',
      reason: 'Overtime',
      scope: everything,
    })
    const made = await submit('2026-03-09', '2026-03-12')
    const before = await entries(made.id)
    // What lapses in March is first.
    expect(new Set(before.map(({ lot }) => lot)).size).toBe(2)
    const taken = Map.groupBy(before, ({ lot }) => lot)
    await cancel(await approve(made))
    const after = await entries(made.id)
    expect(after.slice(0, before.length)).toEqual(before)
    expect(after).toHaveLength(4 * before.length)
    for (const [lot, entries] of taken) {
      const back = after.filter((entry) => entry.lot === lot)
      expect(back.reduce((sum, { amount }) => sum + amount, 0)).toBe(0)
      expect(back.filter(({ kind }) => kind === 'reversal')).toHaveLength(2 * entries.length)
    }
    expect(await balance()).toBe(12)
  })
})

describe('a request is refused', () => {
  it('that ends before it starts', async () => {
    const { refused } = await team()
    expect(await refused('2026-03-10', '2026-03-09')).toMatchObject(
      problem(422, 'ends-before-start', {
        pointer: '/endsOn',
        detail: 'It would start on 2026-03-10 and end on 2026-03-09',
      }),
    )
  })

  it('of more than a year', async () => {
    const { refused } = await team()
    expect(await refused('2026-03-10', '2027-03-11')).toMatchObject(
      problem(422, 'request-too-long', { pointer: '/endsOn', detail: 'It covers 367 days; 366 are allowed' }),
    )
  })

  it('with a part for a day outside, or two for one day', async () => {
    const { refused } = await team()
    expect(await refused('2026-03-10', '2026-03-11', [half('2026-03-10'), half('2026-03-12')])).toMatchObject(
      problem(422, 'day-outside-request', { pointer: '/parts/1/date' }),
    )
    expect(await refused('2026-03-10', '2026-03-10', [half('2026-03-10'), half('2026-03-10')])).toMatchObject(
      {
        status: 422,
        body: { errors: [{ pointer: '/parts', rule: 'unique-dates' }] },
      },
    )
  })

  it('without working time', async () => {
    const { refused } = await team()
    expect(await refused('2026-03-07', '2026-03-08')).toMatchObject(
      problem(422, 'no-working-time', { pointer: '/startsOn' }),
    )
  })

  it('of more hours than are worked, negative or huge ones', async () => {
    const { refused } = await team()
    expect(await refused('2026-03-09', '2026-03-09', [hours('2026-03-09', 481)])).toMatchObject(
      problem(422, 'beyond-working-time', {
        pointer: '/parts/0/take/minutes',
        detail: '481 minutes are asked for, 480 are worked on 2026-03-09',
      }),
    )
    for (const minutes of [-60, 0, 1e9])
      expect(await refused('2026-03-09', '2026-03-09', [hours('2026-03-09', minutes)])).toMatchObject({
        status: 422,
        body: { errors: [{ pointer: '/parts/0/take/minutes' }] },
      })
  })

  it('over other leave, but for the other half of a day, and hours that are left of it', async () => {
    const { submit, refused, cancel } = await team()
    const overlaps = problem(409, 'overlapping-request')
    const morning = await submit('2026-03-09', '2026-03-09', [half('2026-03-09')])
    expect(await refused('2026-03-09', '2026-03-09', [half('2026-03-09')])).toMatchObject({
      ...overlaps,
      body: {
        ...overlaps.body,
        pointer: '/parts/0/date',
        detail: 'Of 2026-03-09 other leave takes 240 of 480 minutes',
      },
    })
    expect(await refused('2026-03-09')).toMatchObject(overlaps)
    expect(await refused('2026-03-09', '2026-03-09', [hours('2026-03-09', 241)])).toMatchObject(overlaps)
    await submit('2026-03-09', '2026-03-09', [hours('2026-03-09', 60)])
    await submit('2026-03-09', '2026-03-09', [hours('2026-03-09', 180)])
    expect(await refused('2026-03-09', '2026-03-09', [half('2026-03-09', 'second-half')])).toMatchObject(
      overlaps,
    )
    await submit('2026-03-10', '2026-03-10', [half('2026-03-10')])
    await submit('2026-03-10', '2026-03-10', [half('2026-03-10', 'second-half')])
    await cancel(morning)
    await submit('2026-03-09', '2026-03-09', [half('2026-03-09')])
  })

  it('outside the employment', async () => {
    const { act, hire, type, as } = await team()
    const employee = await hire({ joinsOn: '2026-03-09', leavesOn: '2026-06-30' })
    const ask = (startsOn: string, endsOn: string) =>
      leave
        .company(as(employee).tenant)
        .send(
          'submitRequest',
          { employeeId: employee, typeId: type.id, startsOn, endsOn, scope: self(employee) },
          as(employee),
        )
    const detail = (day: string) => `${day} is not in the employment from 2026-03-09 to 2026-06-30`
    expect(await ask('2026-03-06', '2026-03-10')).toMatchObject(
      problem(422, 'outside-employment', { pointer: '/startsOn', detail: detail('2026-03-06') }),
    )
    expect(await ask('2026-06-30', '2026-07-01')).toMatchObject(
      problem(422, 'outside-employment', { pointer: '/endsOn', detail: detail('2026-07-01') }),
    )
    expect((await act('listRequests', { employeeId: employee, scope: everything })).items).toEqual([])
  })

  it('in the waiting period', async () => {
    const { hire, type, request, send, as } = await team({ eligibility: { waitingMonths: 3 } })
    const employee = await hire({ joinsOn: '2025-12-31' })
    const input = { employeeId: employee, typeId: type.id, startsOn: '2026-03-30', endsOn: '2026-03-30' }
    expect(await send('submitRequest', { ...input, scope: self(employee) }, as(employee))).toMatchObject(
      problem(422, 'waiting-period', {
        pointer: '/startsOn',
        detail: '3 months after joining on 2025-12-31, so from 2026-03-31 on',
      }),
    )
    await request(employee, type.id, '2026-03-31')
  })

  it('on a block date, unless nobody works then', async () => {
    const blockDates = [{ from: '2026-03-07', to: '2026-03-10', name: 'Stocktaking' }]
    const { refused, submit } = await team({ booking: { blockDates } })
    expect(await refused('2026-03-06', '2026-03-09')).toMatchObject(
      problem(422, 'block-date', {
        pointer: '/endsOn',
        detail: '2026-03-09 is in Stocktaking, 2026-03-07 to 2026-03-10',
      }),
    )
    await submit('2026-03-06', '2026-03-08')
  })

  it('that comes too late', async () => {
    const { refused, submit } = await team({ booking: { minNoticeDays: 14 } })
    expect(await refused('2026-03-15', '2026-03-16')).toMatchObject(
      problem(422, 'notice-too-short', {
        pointer: '/startsOn',
        detail: '14 days of notice are needed, so 2026-03-16 is the first day',
      }),
    )
    await submit('2026-03-16')
  })

  it('of too many working days in a row, over adjacent requests and weekends too', async () => {
    const { refused, submit } = await team({ booking: { maxConsecutiveDays: 5 } })
    expect(await refused('2026-03-09', '2026-03-16')).toMatchObject(
      problem(422, 'too-many-consecutive-days', {
        pointer: '/endsOn',
        detail: '6 working days in a row; 5 are allowed',
      }),
    )
    await submit('2026-03-12', '2026-03-13')
    await submit('2026-03-18', '2026-03-19')
    expect(await refused('2026-03-16', '2026-03-17')).toMatchObject(
      problem(422, 'too-many-consecutive-days', {
        detail: '6 working days in a row with adjacent requests; 5 are allowed',
      }),
    )
    await submit('2026-03-17')
  })

  it('in a closed period; before, it may be told afterwards', async () => {
    const { refused, submit, act } = await team()
    await submit('2026-02-26')
    await act('closePeriod', { through: '2026-02-28', scope: everything })
    expect(await refused('2026-02-27', '2026-03-03')).toMatchObject(
      problem(422, 'period-closed', { pointer: '/startsOn', detail: 'It is closed through 2026-02-28' }),
    )
  })

  it('of a type that is unknown, closed, or for others', async () => {
    const { refused, act, type } = await team({ eligibility: { employmentTypes: ['intern'] } })
    expect(await refused('2026-03-09', '2026-03-09', [], { typeId: randomUUIDv7() })).toMatchObject(
      problem(404, 'leave-type-not-found', { pointer: '/typeId' }),
    )
    expect(await refused('2026-03-09')).toMatchObject(problem(422, 'no-policy', { pointer: '/typeId' }))
    await act('changeLeaveType', {
      typeId: type.id,
      expectedVersion: 1,
      changes: { open: false },
      scope: everything,
    })
    expect(await refused('2026-03-09')).toMatchObject(
      problem(422, 'leave-type-closed', { pointer: '/typeId' }),
    )
  })

  it('by who has seen a newer state of the employee than has arrived', async () => {
    const { refused, submit } = await team()
    expect(await refused('2026-03-09', '2026-03-09', [], { knownVersion: 2 })).toMatchObject(
      problem(409, 'employee-facts-behind', {
        pointer: '/knownVersion',
        detail: 'Version 2 was seen, 1 has arrived here',
      }),
    )
    await submit('2026-03-09', '2026-03-09', [], { knownVersion: 1 })
  })

  it('for somebody else, by a manager too; HR requests for anybody', async () => {
    const { refused, act, send, employee, type, manager, as } = await team()
    const notFound = problem(404, 'employee-not-found', { pointer: '/employeeId' })
    expect(await refused('2026-03-09', '2026-03-09', [], { employeeId: manager })).toMatchObject(notFound)
    const input = { employeeId: employee, typeId: type.id, startsOn: '2026-03-09', endsOn: '2026-03-09' }
    const reports = { reach: 'reports' as const, employeeId: manager }
    const asManager = as(manager, 'manager:reports')
    expect(await send('submitRequest', { ...input, scope: reports }, asManager)).toMatchObject(notFound)
    expect(await send('previewRequest', { ...input, scope: reports }, asManager)).toMatchObject(notFound)
    await act('submitRequest', { ...input, scope: everything })
  })
})

describe('a balance', () => {
  it('may go below zero as far as the type allows', async () => {
    const capped = await team({ accrual: { amount: 2 } }, { negativeBalance: { kind: 'capped', limit: 1 } })
    await capped.submit('2026-03-09', '2026-03-11')
    expect(await capped.refused('2026-03-12')).toMatchObject(
      problem(409, 'insufficient-balance', {
        pointer: '/endsOn',
        detail: 'It costs 1 days, of which 0 can be taken',
      }),
    )
    expect(await capped.balance()).toBe(-1)
    const unlimited = await team({ accrual: null }, { negativeBalance: { kind: 'unlimited' } })
    await unlimited.submit('2026-03-09', '2026-03-20')
    expect(await unlimited.balance()).toBe(-10)
  })

  it('counts what will have accrued by then only where the policy says so', async () => {
    const accrual = { amount: 12, frequency: 'monthly', timing: 'end' } as const
    const strict = await team({ accrual })
    // January and February
    expect(await strict.refused('2026-12-01', '2026-12-03')).toMatchObject(
      problem(409, 'insufficient-balance'),
    )
    const ahead = await team({ accrual, booking: { ahead: true } })
    await ahead.submit('2026-12-01', '2026-12-10')
    // By then 11 months have accrued, and 8 of those days are taken in December.
    expect((await ahead.preview('2026-08-03', '2026-08-06')).conflicts).toMatchObject([
      { code: 'insufficient-balance', detail: 'It costs 4 days, of which 3 can be taken' },
    ])
    await ahead.submit('2026-08-03', '2026-08-05')
    expect(await ahead.refused('2026-05-04')).toMatchObject(problem(409, 'insufficient-balance'))
  })

  it('of next year can be booked ahead, once', async () => {
    const { submit, refused, balance, preview } = await team({
      accrual: { amount: 5 },
      booking: { ahead: true },
      carryOver: { max: 2, expiresAfterMonths: 3 },
    })
    // 5 of this year, of which 2 carry over; 5 of the next.
    const made = await submit('2027-01-04', '2027-01-08')
    expect((await preview('2027-01-11', '2027-01-12')).conflicts).toEqual([])
    expect(await refused('2027-01-11', '2027-01-13')).toMatchObject(problem(409, 'insufficient-balance'))
    expect(made.amount).toBe(5)
    expect(await balance()).toBe(0)
    // What carries over into next year's booking is not there for this year any more.
    expect((await preview('2026-12-14', '2026-12-16')).conflicts).toEqual([])
    expect((await preview('2026-12-14', '2026-12-17')).conflicts).toMatchObject([
      { code: 'insufficient-balance' },
    ])
  })
})

describe('a preview', () => {
  it('tells cost, grants, approvers and all conflicts at once, and writes nothing', async () => {
    const { preview, manager, employee } = await team({
      accrual: { amount: 4 },
      booking: { minNoticeDays: 30, maxConsecutiveDays: 3 },
      approval: [{ approver: 'manager' }, { approver: 'hr', longerThanDays: 3 }],
    })
    expect(await preview('2026-03-09', '2026-03-13')).toMatchObject({
      unit: 'day',
      amount: 5,
      balanceBefore: 4,
      balanceAfter: -1,
      lots: [{ usableTo: '2026-12-31', amount: 5 }],
      approvers: [
        { step: 1, approver: 'manager', approverId: manager },
        { step: 2, approver: 'hr', approverId: null },
      ],
      conflicts: [
        { code: 'notice-too-short', pointer: '/startsOn' },
        { code: 'too-many-consecutive-days', pointer: '/endsOn' },
        {
          code: 'insufficient-balance',
          pointer: '/endsOn',
          detail: 'It costs 5 days, of which 4 can be taken',
        },
      ],
    })
    const written = await leave.db.sudo('select 1 from account where employee_id = $1', [employee])
    expect(written).toEqual([])
  })

  it('costs what submitting then costs', async () => {
    const { preview, submit, holidays } = await team()
    await holidays({ date: '2026-03-10' }, { date: '2026-03-12', portion: 'first-half' })
    const asked = ['2026-03-09', '2026-03-16', [hours('2026-03-13', 100)]] as const
    const { amount, days } = await preview(asked[0], asked[1], [...asked[2]])
    expect(await submit(asked[0], asked[1], [...asked[2]])).toMatchObject({ amount, days })
    expect(amount).toBe(3.708)
  })
})

describe('cancelling', () => {
  it('is for who requested, until the leave begins; then for HR, until the period is closed', async () => {
    const { submit, approve, cancel, send, act, employee, as, balance } = await team()
    const [first, second, third] = [
      await approve(await submit('2026-03-09', '2026-03-10')),
      await approve(await submit('2026-03-12')),
      await submit('2026-03-17'),
    ]
    leave.setNow('2026-03-09T22:59:00Z')
    const input = { requestId: second.id, expectedVersion: second.version, scope: self(employee) }
    expect(first.allowedActions).toEqual([])
    await cancel(first)
    // In Berlin it is the next day already.
    leave.setNow('2026-03-12T23:01:00Z')
    expect(await send('cancelRequest', input, as(employee))).toMatchObject(
      problem(409, 'request-state', { detail: 'It began on 2026-03-12: ask HR to cancel it' }),
    )
    const seen = await act('getRequest', { requestId: second.id, scope: self(employee) }, as(employee))
    expect(seen.allowedActions).toEqual([])
    await act('closePeriod', { through: '2026-03-12', scope: everything })
    expect(await send('cancelRequest', { ...input, scope: everything })).toMatchObject(
      problem(422, 'period-closed'),
    )
    await act('cancelRequest', {
      requestId: third.id,
      expectedVersion: 1,
      reason: 'Wrong week',
      scope: everything,
    })
    expect(await act('getRequest', { requestId: third.id, scope: everything })).toMatchObject({
      state: 'cancelled',
      cancelReason: 'Wrong week',
      approvals: [{ state: 'skipped' }],
    })
    expect(await balance()).toBe(29)
  })

  it('is refused to who has not seen the newest version', async () => {
    const { submit, approve, send, employee, as } = await team()
    const made = await submit('2026-03-09')
    await approve(made)
    const input = { requestId: made.id, expectedVersion: 1, scope: self(employee) }
    expect(await send('cancelRequest', input, as(employee))).toMatchObject(problem(412, 'version-conflict'))
  })
})

describe('a list of requests', () => {
  it('is read page by page, the latest first, and by what has changed', async () => {
    const { submit, cancel, act } = await team()
    const made = []
    for (const day of ['09', '10', '11', '12', '13']) made.push(await submit(`2026-03-${day}`))
    const ids = made.map(({ id }) => id)
    const read = async (more: object) => {
      const found: string[] = []
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await act('listRequests', {
          ...more,
          limit: 2,
          ...(cursor ? { cursor } : {}),
          scope: everything,
        })
        found.push(...page.items.map(({ id }) => id))
        cursor = page.next
      }
      return found
    }
    expect(await read({})).toEqual(ids.toReversed())
    expect(await read({ from: '2026-03-10', to: '2026-03-11' })).toEqual([ids[2], ids[1]])
    leave.setNow('2026-03-02T10:00:00Z')
    await cancel(made[3]!)
    await cancel(made[0]!)
    const changed = await read({ updatedSince: '2026-03-02T09:30:00Z' })
    expect(changed.toSorted()).toEqual([ids[0], ids[3]].toSorted())
    expect(await read({ states: ['cancelled'] })).toEqual([ids[3], ids[0]])
    expect(await read({ updatedSince: '2026-03-02T08:00:00Z' })).toHaveLength(5)
  })

  it('refuses a cursor that it did not give', async () => {
    const { send } = leave.company()
    for (const more of [{}, { updatedSince: '2026-03-02T08:00:00Z' }])
      expect(await send('listRequests', { cursor: "x'; --", ...more, scope: everything })).toMatchObject({
        status: 422,
        body: { errors: [{ pointer: '/cursor' }] },
      })
  })
})
