import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemBase } from '#kit/problem.ts'
import { testCall, until } from '#kit/testing.ts'
import { recordsOf } from './fixtures/records.ts'
import { lockPerson } from './store/people.ts'
import { loadSchedules } from './store/rules.ts'
import { everything, type Leave, startLeave } from './testing.ts'

let leave: Leave
beforeAll(async () => {
  // Still 1 March where the day ends last.
  leave = await startLeave('2026-03-02T09:00:00Z')
})
afterAll(() => leave.close())

const today = '2026-03-01'
const nobody = randomUUIDv7()
const problem = (status: number, code: string, fields: object = {}) => ({
  status,
  body: { type: problemBase + code, status, ...fields },
})

/** A company, and what its commands leave behind. */
function watched() {
  const company = leave.company()
  const { act, send } = company
  const input = (given: object) => ({ code: randomUUIDv7(), name: 'Name', ...given, scope: everything })
  return {
    ...company,
    ...recordsOf(leave, company.tenant),
    calendar: (given: object = {}) => act('createHolidayCalendar', input(given)),
    sendCalendar: (given: object) => send('createHolidayCalendar', input(given)),
    sendPattern: (given: object) => send('createWorkingPattern', { weeks: [fullTime], ...input(given) }),
    holidays: async (calendarId: string, from = '2026-01-01', to = '2026-12-31') =>
      (await act('getHolidays', { calendarId, from, to, scope: everything })).holidays,
    minutes: async (employeeId: string, from: string, to = from) => {
      const { days } = await act('getSchedule', { employeeId, from, to, scope: everything })
      return days.map(({ minutes }) => minutes)
    },
  }
}
const fullTime = [480, 480, 480, 480, 480, 0, 0]
const halfTime = [240, 240, 240, 240, 240, 0, 0]

describe('a holiday calendar', () => {
  it('takes the public holidays of a region, once, and leaves those of the company alone', async () => {
    const { act, calendar, holidays, rated, events } = watched()
    const { id: calendarId } = await calendar({ country: 'DE', region: 'BY' })
    const eve = { date: '2026-12-24', name: 'Heiligabend', portion: 'second-half' as const }
    const may = { date: '2026-05-01', name: 'Betriebsausflug' }
    await act('setHolidays', { calendarId, holidays: [eve, may], scope: everything })
    const years = { calendarId, years: [2026], scope: everything }
    const { added, calendar: after } = await act('addPublicHolidays', years)
    const full = { portion: 'full', source: 'public' }
    expect(added).toContainEqual({ date: '2026-06-04', name: 'Fronleichnam', ...full })
    expect(added).not.toContainEqual(expect.objectContaining({ date: may.date }))
    expect(after).toMatchObject({ country: 'DE', region: 'BY', version: 3 })
    const all = await holidays(calendarId)
    expect(all).toEqual(all.toSorted((a, b) => (a.date < b.date ? -1 : 1)))
    expect(all).toHaveLength(added.length + 2)
    expect(all).toContainEqual({ ...may, portion: 'full', source: 'company' })
    expect(all).toContainEqual({ ...eve, source: 'company' })

    expect(await act('addPublicHolidays', years)).toMatchObject({ added: [], calendar: { version: 3 } })
    expect(await rated()).toEqual([
      { cause: 'holidays', from: '2026-05-01', calendarId },
      { cause: 'holidays', from: '2026-01-01', calendarId },
    ])
    expect(await events(calendarId)).toEqual([
      'holiday-calendar-created 1 code,name,isDefault,country,region,locations',
      'holiday-calendar-changed 2 holidays',
      'holiday-calendar-changed 3 holidays',
    ])
  })

  it('has holidays of the company set over others and removed', async () => {
    const { act, send, calendar, holidays, rated, audit } = watched()
    const { id: calendarId } = await calendar({ country: 'DE' })
    await act('addPublicHolidays', { calendarId, years: [2026], scope: everything })
    const half = { date: '2026-05-01', name: 'Half', portion: 'first-half' as const }
    await act('setHolidays', { calendarId, holidays: [half], scope: everything })
    const may = ['2026-05-01', '2026-05-10'] as const
    expect(await holidays(calendarId, ...may)).toEqual([{ ...half, source: 'company' }])
    const remove = () => send('removeHoliday', { calendarId, date: half.date, scope: everything })
    expect(await remove()).toMatchObject({ status: 200, body: { calendar: { version: 4 } } })
    expect(await remove()).toMatchObject(problem(404, 'holiday-not-found', { pointer: '/date' }))
    expect(await holidays(calendarId, ...may)).toEqual([])
    expect((await rated()).slice(1)).toEqual(
      [1, 2].map(() => ({ cause: 'holidays', from: '2026-05-01', calendarId })),
    )
    const set = { ...half, source: 'company' }
    const before = { date: '2026-05-01', name: 'Maifeiertag', portion: 'full', source: 'public' }
    expect((await audit(calendarId)).slice(2)).toEqual([
      { before: { holidays: [before] }, after: { holidays: [set] } },
      { before: { holidays: [set] }, after: { holidays: [] } },
    ])
  })

  it('is the only default one, whoever was before', async () => {
    const { act, calendar, rated, events, minutes, hire } = watched()
    const employeeId = await hire()
    const first = await calendar({ isDefault: true })
    const second = await calendar()
    const holidays = [{ date: '2026-03-04', name: 'Day off' }]
    await act('setHolidays', { calendarId: second.id, holidays, scope: everything })
    expect(await minutes(employeeId, '2026-03-04')).toEqual([480])
    const makeDefault = { calendarId: second.id, changes: { isDefault: true }, scope: everything }
    const changed = await act('changeHolidayCalendar', { ...makeDefault, expectedVersion: 2 })
    expect(changed).toMatchObject({ isDefault: true, version: 3 })
    expect(await minutes(employeeId, '2026-03-04')).toEqual([0])
    await act('changeHolidayCalendar', { ...makeDefault, expectedVersion: 3 })
    const { items } = await act('listHolidayCalendars', { scope: everything })
    expect(items.filter(({ isDefault }) => isDefault).map(({ id }) => id)).toEqual([second.id])
    expect((await events(first.id)).slice(1)).toEqual(['holiday-calendar-changed 2 isDefault'])
    const third = await calendar({ isDefault: true })
    expect((await events(second.id)).at(-1)).toBe('holiday-calendar-changed 5 isDefault')
    expect(third).toMatchObject({ isDefault: true, version: 1 })
    // Who had which before is not known any more: it concerns everybody.
    expect((await rated()).at(-1)).toEqual({ cause: 'holidays', from: today })
  })

  it('is the only default one when many are made so at once', async () => {
    const { act, sendCalendar } = watched()
    const answers = await Promise.all(Array.from({ length: 8 }, () => sendCalendar({ isDefault: true })))
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
    const { items } = await act('listHolidayCalendars', { scope: everything })
    expect(items.filter(({ isDefault }) => isDefault)).toHaveLength(1)
  })

  it('is for locations that no other is for', async () => {
    const { act, send, calendar, sendCalendar, rated } = watched()
    const locations = ['Leeds', 'York', 'Leeds']
    const { id: calendarId, code } = await calendar({ locations })
    const { items } = await act('listHolidayCalendars', { scope: everything })
    expect(items).toMatchObject([{ locations: ['Leeds', 'York'] }])
    const taken = { detail: `Calendar ${code} is for it` }
    expect(await sendCalendar({ locations: ['Hull', 'York'] })).toMatchObject(
      problem(409, 'location-taken', { ...taken, pointer: '/locations/1' }),
    )
    const other = await calendar({ locations: ['Hull'] })
    const change = (expectedVersion: number, locations: string[], id = other.id) =>
      send('changeHolidayCalendar', {
        calendarId: id,
        expectedVersion,
        changes: { locations },
        scope: everything,
      })
    expect(await change(1, ['York'])).toMatchObject(
      problem(409, 'location-taken', { ...taken, pointer: '/changes/locations/0' }),
    )
    expect(await change(1, ['Leeds'], calendarId)).toMatchObject({ body: { locations: ['Leeds'] } })
    expect(await change(1, ['York'])).toMatchObject({ status: 200, body: { locations: ['York'] } })
    expect(await rated()).toEqual(Array(4).fill({ cause: 'holidays', from: today }))
  })

  it('by another name is none that leave is rated anew for', async () => {
    const { act, send, calendar, rated } = watched()
    const { id: calendarId } = await calendar()
    const change = { calendarId, expectedVersion: 1, changes: { name: 'Other' }, scope: everything }
    expect(await act('changeHolidayCalendar', change)).toMatchObject({ name: 'Other', version: 2 })
    expect(await rated()).toEqual([])
    expect(await send('changeHolidayCalendar', change)).toMatchObject(problem(412, 'version-conflict'))
  })

  it.each<[string, object, object]>([
    ['an unknown country', { country: 'ZZ' }, { pointer: '/country' }],
    ['an unknown region', { country: 'DE', region: 'XX' }, { pointer: '/region' }],
    [
      'a region without its country',
      { region: 'BY' },
      { pointer: '/country', detail: 'A region needs its country' },
    ],
  ])('is not made of %s', async (_, given, fields) => {
    const { sendCalendar } = watched()
    expect(await sendCalendar(given)).toMatchObject(problem(422, 'country-unknown', fields))
  })

  it('without a country gets no public holidays', async () => {
    const { send, calendar } = watched()
    const { id: calendarId } = await calendar()
    expect(await send('addPublicHolidays', { calendarId, years: [2026], scope: everything })).toMatchObject(
      problem(422, 'country-unknown', { detail: expect.stringContaining('has no country') }),
    )
  })

  it.each<[string, { years?: number[]; holidays?: object[] }, string]>([
    ['years before there were any', { years: [1000] }, '/years/0'],
    ['no year', { years: [] }, '/years'],
    ['a hundred years', { years: Array(100).fill(2026) }, '/years'],
    ['no holiday', { holidays: [] }, '/holidays'],
    ['a date that is none', { holidays: [{ date: '2026-02-30', name: 'X' }] }, '/holidays/0/date'],
    ['a date twice', { holidays: ['A', 'B'].map((name) => ({ date: '2026-02-03', name })) }, '/holidays'],
    [
      'a third of a day',
      { holidays: [{ date: '2026-02-03', name: 'X', portion: 'third' }] },
      '/holidays/0/portion',
    ],
  ])('does not take %s', async (_, given, pointer) => {
    const { send, calendar } = watched()
    const { id: calendarId } = await calendar({ country: 'DE' })
    const operation = given.years ? 'addPublicHolidays' : 'setHolidays'
    expect(await send(operation, { calendarId, ...given, scope: everything } as never)).toMatchObject(
      problem(422, 'invalid-input', { errors: [{ pointer }] }),
    )
  })
})

describe('a working pattern', () => {
  it('is the only default one, and its weeks can be changed', async () => {
    const { act, send, pattern, rated, events, hire, minutes, audit } = watched()
    const employeeId = await hire()
    const first = await pattern([halfTime])
    expect(await minutes(employeeId, '2026-03-02', '2026-03-08')).toEqual(halfTime)
    const second = await pattern([fullTime, halfTime])
    expect(second).toMatchObject({ weeks: [fullTime, halfTime], anchor: '2024-01-01', isDefault: true })
    // 2026-02-23 is 112 weeks after the anchor: a first one.
    expect(await minutes(employeeId, '2026-02-23', '2026-03-08')).toEqual([...fullTime, ...halfTime])
    expect((await events(first.id)).at(-1)).toBe('working-pattern-changed 2 isDefault')
    const change = {
      patternId: second.id,
      expectedVersion: 1,
      changes: { weeks: [halfTime] },
      scope: everything,
    }
    expect(await act('changeWorkingPattern', change)).toMatchObject({ weeks: [halfTime], version: 2 })
    expect(await send('changeWorkingPattern', change)).toMatchObject(problem(412, 'version-conflict'))
    expect((await audit(second.id)).at(-1)).toEqual({
      before: { weeks: [fullTime, halfTime] },
      after: { weeks: [halfTime] },
    })
    await act('changeWorkingPattern', { ...change, expectedVersion: 2, changes: { isDefault: false } })
    expect(await minutes(employeeId, '2026-03-02', '2026-03-08')).toEqual(fullTime)
    await act('changeWorkingPattern', { ...change, expectedVersion: 3, changes: { name: 'Other' } })
    const everybody = { cause: 'working-pattern', from: today }
    expect(await rated()).toEqual([everybody, everybody, { ...everybody, patternId: second.id }, everybody])
  })

  it('has working time in some week', async () => {
    const { sendPattern, act, send, pattern } = watched()
    const idle = Array(7).fill(0)
    const refused = (pointer: string) => problem(422, 'pattern-without-work', { pointer })
    expect(await sendPattern({ weeks: [idle, idle] })).toMatchObject(refused('/weeks'))
    expect(await sendPattern({ weeks: [idle, fullTime] })).toMatchObject({ status: 200 })
    const { id: patternId } = await pattern()
    const change = { patternId, expectedVersion: 1, changes: { weeks: [idle] }, scope: everything }
    expect(await send('changeWorkingPattern', change)).toMatchObject(refused('/changes/weeks'))
    const { items } = await act('listWorkingPatterns', { scope: everything })
    expect(items).toContainEqual(expect.objectContaining({ id: patternId, version: 1 }))
  })

  it.each<[string, object, string]>([
    ['a week of six days', { weeks: [fullTime.slice(1)] }, '/weeks/0'],
    ['a day of more than 24 hours', { weeks: [[1441, 0, 0, 0, 0, 0, 0]] }, '/weeks/0/0'],
    ['a day of less than nothing', { weeks: [[-1, 480, 0, 0, 0, 0, 0]] }, '/weeks/0/0'],
    ['half a minute', { weeks: [[0.5, 0, 0, 0, 0, 0, 0]] }, '/weeks/0/0'],
    ['no week', { weeks: [] }, '/weeks'],
    ['thirteen weeks', { weeks: Array(13).fill(fullTime) }, '/weeks'],
  ])('does not take %s', async (_, given, pointer) => {
    const { sendPattern } = watched()
    expect(await sendPattern(given)).toMatchObject(problem(422, 'invalid-input', { errors: [{ pointer }] }))
  })
})

it.each(['listHolidayCalendars', 'listWorkingPatterns'] as const)(
  '%s goes by code, page by page',
  async (name) => {
    const { act, calendar, sendPattern } = watched()
    for (const code of ['C', 'A', 'B']) {
      await calendar({ code })
      await sendPattern({ code })
    }
    const list = async (input: object = {}) => {
      const { items, next } = await act(name, { ...input, scope: everything })
      return { codes: items.map(({ code }) => code), next }
    }
    const first = await list({ limit: 2 })
    expect(first).toEqual({ codes: ['A', 'B'], next: expect.any(String) })
    expect(await list({ limit: 2, cursor: first.next })).toEqual({ codes: ['C'], next: null })
  },
)

describe('the schedule of an employee', () => {
  it('is the own one from a date on, and tells what leave is rated anew for', async () => {
    const { act, pattern, calendar, hire, minutes, rated, events, audit } = watched()
    const employeeId = await hire()
    const own = await pattern([halfTime], false)
    const { id: calendarId } = await calendar()
    const holidays = [{ date: '2026-03-06', name: 'Day off', portion: 'second-half' as const }]
    await act('setHolidays', { calendarId, holidays, scope: everything })
    const assign = (effectiveFrom: string, patternId: string | null, calendarId: string | null) =>
      act('assignSchedule', { employeeId, effectiveFrom, patternId, calendarId, scope: everything })
    expect(await assign('2026-03-03', own.id, null)).toEqual({ employeeId, effectiveFrom: '2026-03-03' })
    await assign('2026-03-05', own.id, calendarId)
    await assign('2026-03-09', null, null)
    expect(await minutes(employeeId, '2026-03-02', '2026-03-09')).toEqual([
      480, 240, 240, 240, 120, 0, 0, 480,
    ])
    await assign('2026-03-04', own.id, null)
    expect((await rated()).slice(1)).toEqual([
      { cause: 'working-pattern', from: '2026-03-03', employeeId },
      { cause: 'holidays', from: '2026-03-05', employeeId },
      { cause: 'working-pattern', from: '2026-03-09', employeeId },
    ])
    expect(await events(employeeId)).toEqual([
      'schedule-assigned 1 patternId',
      'schedule-assigned 2 calendarId',
      'schedule-assigned 3 patternId,calendarId',
      'schedule-assigned 4 ',
    ])
    expect((await audit(employeeId)).slice(0, 2)).toEqual([
      { before: null, after: { effectiveFrom: '2026-03-03', patternId: own.id, calendarId: null } },
      {
        before: { patternId: own.id, calendarId: null },
        after: { effectiveFrom: '2026-03-05', patternId: own.id, calendarId },
      },
    ])
  })

  it('names holidays, and is told to those whom it concerns', async () => {
    const { act, send, calendar, hire, as } = watched()
    const boss = await hire()
    const employeeId = await hire({ managerId: boss, terms: { location: 'Leeds' } })
    const { id: calendarId } = await calendar({ locations: ['Leeds'] })
    const holidays = [{ date: '2026-03-04', name: 'Day off', portion: 'first-half' as const }]
    await act('setHolidays', { calendarId, holidays, scope: everything })
    const day = { employeeId, from: '2026-03-04', to: '2026-03-04' }
    const days = [{ date: '2026-03-04', minutes: 240, holiday: { name: 'Day off', portion: 'first-half' } }]
    const asked = (scope: object, caller: string, role: 'employee:self' | 'manager:reports') =>
      send('getSchedule', { ...day, scope } as never, as(caller, role))
    expect(await asked({ reach: 'self', employeeId }, employeeId, 'employee:self')).toEqual({
      status: 200,
      body: { days },
    })
    expect(await asked({ reach: 'reports', employeeId: boss }, boss, 'manager:reports')).toMatchObject({
      status: 200,
    })
    const other = await hire()
    expect(await asked({ reach: 'self', employeeId: other }, other, 'employee:self')).toMatchObject(
      problem(404, 'employee-not-found'),
    )
    // One does not give oneself another pattern.
    expect(
      await send(
        'assignSchedule',
        {
          employeeId,
          effectiveFrom: '2026-03-02',
          patternId: null,
          calendarId: null,
          scope: { reach: 'self', employeeId },
        },
        as(employeeId),
      ),
    ).toMatchObject(problem(404, 'employee-not-found'))
  })

  it('is of a year at most, and goes forward', async () => {
    const { send, hire } = watched()
    const employeeId = await hire()
    const ask = (from: string, to: string) => send('getSchedule', { employeeId, from, to, scope: everything })
    expect(await ask('2024-01-01', '2024-12-31')).toMatchObject({ status: 200 })
    expect(await ask('2024-01-01', '2025-01-01')).toMatchObject(
      problem(422, 'request-too-long', { pointer: '/to' }),
    )
    expect(await ask('2024-01-02', '2024-01-01')).toMatchObject(
      problem(422, 'ends-before-start', { pointer: '/to' }),
    )
  })

  it('is made of what there is', async () => {
    const { send, hire } = watched()
    const employeeId = await hire()
    const input = {
      employeeId,
      effectiveFrom: '2026-03-02',
      patternId: null,
      calendarId: null,
      scope: everything,
    }
    const assign = (given: object) => send('assignSchedule', { ...input, ...given })
    expect(await assign({ patternId: nobody })).toMatchObject(
      problem(422, 'reference-unknown', { pointer: '/patternId' }),
    )
    expect(await assign({ calendarId: nobody })).toMatchObject(
      problem(422, 'reference-unknown', { pointer: '/calendarId' }),
    )
    expect(await assign({ employeeId: nobody })).toMatchObject(problem(404, 'employee-not-found'))
  })
})

it('calendars and patterns are known, and for the whole company', async () => {
  const { send, tenant } = watched()
  const change = { expectedVersion: 1, changes: { name: 'New' } }
  const calendarId = nobody
  const patternId = nobody
  const code = 'X'
  const manager = { tenant, employee: nobody, roles: ['manager:reports'] as const }
  const scope = { reach: 'reports', employeeId: nobody } as const
  for (const [name, input, missing] of [
    ['createHolidayCalendar', { code, name: 'X' }, null],
    ['changeHolidayCalendar', { calendarId, ...change }, 'holiday-calendar-not-found'],
    ['addPublicHolidays', { calendarId, years: [2026] }, 'holiday-calendar-not-found'],
    ['setHolidays', { calendarId, holidays: [{ date: today, name: 'X' }] }, 'holiday-calendar-not-found'],
    ['removeHoliday', { calendarId, date: today }, 'holiday-calendar-not-found'],
    ['createWorkingPattern', { code, name: 'X', weeks: [fullTime] }, null],
    ['changeWorkingPattern', { patternId, ...change }, 'working-pattern-not-found'],
  ] as const) {
    expect(await send(name, { ...input, scope } as never, manager)).toMatchObject(problem(403, 'forbidden'))
    if (missing)
      expect(await send(name, { ...input, scope: everything } as never)).toMatchObject(problem(404, missing))
  }
  const from = { from: today, to: today }
  expect(await send('getHolidays', { calendarId, ...from, scope: everything })).toMatchObject(
    problem(404, 'holiday-calendar-not-found'),
  )
})

describe('a change of rules', () => {
  it('waits for who decides by those before, and keeps who comes later waiting', async () => {
    const { act, pattern, hire, tenant } = watched()
    const { id: patternId } = await pattern()
    const employeeId = await hire()
    const order: string[] = []
    const decided = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const decide = leave.db.database.write(testCall(tenant), async (tx) => {
      await lockPerson(tx, employeeId)
      begun.resolve()
      await decided.promise
      order.push('decided')
    })
    await begun.promise
    const change = act('changeWorkingPattern', {
      patternId,
      expectedVersion: 1,
      changes: { weeks: [halfTime] },
      scope: everything,
    }).then(() => order.push('changed'))
    await until(() => waiting('pg_advisory_xact_lock('))
    const later = leave.db.database.write(testCall(tenant), async (tx) => {
      await lockPerson(tx, employeeId)
      const { patterns } = await loadSchedules(tx, today, today)
      return patterns
    })
    await until(() => waiting('pg_advisory_xact_lock_shared('))
    decided.resolve()
    await Promise.all([decide, change])
    expect((await later).map(({ weeks }) => weeks)).toEqual([[halfTime]])
    expect(order).toEqual(['decided', 'changed'])

    async function waiting(statement: string): Promise<boolean> {
      const rows = await leave.db.sudo(
        `select from pg_stat_activity where datname = current_database() and wait_event = 'advisory'
           and position($1 in query) > 0`,
        [statement],
      )
      return rows.length > 0
    }
  })
})
