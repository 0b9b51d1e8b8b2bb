import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemBase } from '#kit/problem.ts'
import { everything, type Leave, startLeave } from './testing.ts'

let leave: Leave
beforeAll(async () => {
  leave = await startLeave('2026-03-02T09:00:00Z')
})
afterAll(() => leave.close())

const problem = (status: number, code: string, fields: object = {}) => ({
  status,
  body: { type: problemBase + code, status, ...fields },
})

type Company = ReturnType<Leave['company']>

/** Short words for one company. */
function withCalendars() {
  const company = leave.company()
  const { act, send, tenant } = company
  const calendar = (given: Partial<Parameters<Company['send']>[1]> = {}) =>
    act('createHolidayCalendar', { code: randomUUIDv7(), name: 'Calendar', ...given, scope: everything })
  const sendCalendar = (given: object) =>
    send('createHolidayCalendar', { code: randomUUIDv7(), name: 'Calendar', ...given, scope: everything })
  const holidays = async (calendarId: string, year = 2026) => {
    const from = `${year}-01-01`
    const to = `${year}-12-31`
    return (await act('getHolidays', { calendarId, from, to, scope: everything })).holidays
  }
  const minutes = async (employeeId: string, from: string, to = from) => {
    const { days } = await act('getSchedule', { employeeId, from, to, scope: everything })
    return days.map((day) => day.minutes)
  }
  /** The changes that are to be rated anew for, in the order in which they were made. */
  const rated = async () => {
    const jobs = await leave.db.sudo<{ payload: Record<string, unknown> }>(
      `select j.payload from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
       where t.identifier = 'rate-anew' and j.payload->>'tenant' = $1 order by j.id`,
      [tenant],
    )
    return jobs.map(({ payload: { tenant: _, traceparent: __, ...change } }) => change)
  }
  const events = async (id: string) => {
    const rows = await leave.db.sudo<{ kind: string; version: number; changed: string }>(
      'select kind, version::int, changed from event where tenant = $1 and aggregate_id = $2 order by number',
      [tenant, id],
    )
    return rows.map(({ kind, version, changed }) => `${kind} ${version} ${changed}`)
  }
  return { ...company, calendar, sendCalendar, holidays, minutes, rated, events }
}

describe('a holiday calendar', () => {
  it('takes the public holidays of a region, once, and leaves those of the company alone', async () => {
    const { act, calendar, holidays, rated, events } = withCalendars()
    const { id: calendarId } = await calendar({ country: 'DE', region: 'BY' })
    const eve = { date: '2026-12-24', name: 'Heiligabend', portion: 'second-half' as const }
    const may = { date: '2026-05-01', name: 'Betriebsausflug' }
    await act('setHolidays', { calendarId, holidays: [eve, may], scope: everything })
    const { added, calendar: after } = await act('addPublicHolidays', {
      calendarId,
      years: [2026],
      scope: everything,
    })
    const full = { portion: 'full', source: 'public' }
    expect(added).toContainEqual({ date: '2026-06-04', name: 'Fronleichnam', ...full })
    expect(added).not.toContainEqual(expect.objectContaining({ date: '2026-05-01' }))
    expect(after.version).toBe(3)
    const all = await holidays(calendarId)
    expect(all.map(({ date }) => date)).toEqual(all.map(({ date }) => date).toSorted())
    expect(all).toHaveLength(added.length + 2)
    expect(all).toContainEqual({ ...may, portion: 'full', source: 'company' })
    expect(all).toContainEqual({ ...eve, source: 'company' })
    const again = await act('addPublicHolidays', { calendarId, years: [2026], scope: everything })
    expect(again).toMatchObject({ added: [], calendar: { version: 3 } })
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
})
