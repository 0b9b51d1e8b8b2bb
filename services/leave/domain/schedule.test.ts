import { describe, expect, it } from 'vitest'
import type { Holiday, Schedules } from './model.ts'
import { workDay, workDays } from './schedule.ts'
import { calendar, pattern, person, terms } from './testing.ts'

const holiday = (date: string, portion: Holiday['portion'] = 'full'): Holiday => ({
  date,
  name: 'Holiday',
  portion,
})
const nothing: Schedules = { patterns: [], calendars: [] }
const minutes = (who: ReturnType<typeof person>, schedules: Schedules, from: string, to: string) =>
  workDays(who, schedules, from, to).map((day) => day.minutes)

describe('the working time of a day', () => {
  it('is eight hours from Monday to Friday where nothing else is said', () => {
    expect(minutes(person(), nothing, '2026-03-02', '2026-03-08')).toEqual([480, 480, 480, 480, 480, 0, 0])
  })

  it('is none before joining and after leaving', () => {
    const who = person({ employments: [{ joinsOn: '2026-03-03', leavesOn: '2026-03-04' }] })
    expect(minutes(who, nothing, '2026-03-02', '2026-03-05')).toEqual([0, 480, 480, 0])
    const day = { date: '2026-03-05', scheduled: 0, minutes: 0, halves: [0, 0], holiday: null }
    const schedules = { patterns: [], calendars: [calendar([holiday('2026-03-05')])] }
    expect(workDay(who, schedules, '2026-03-05')).toEqual(day)
  })

  it('follows weeks that alternate, before the anchor too', () => {
    // 2024-01-03 is a Wednesday; its week is a first one.
    const weeks = [
      [480, 0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 300, 0, 0],
      [60, 0, 0, 0, 0, 0, 0],
    ]
    const schedules = { patterns: [pattern(weeks, { anchor: '2024-01-03' })], calendars: [] }
    const mondays = ['2023-12-18', '2023-12-25', '2024-01-01', '2024-01-08', '2024-01-15', '2024-01-22']
    const early = person({ employments: [{ joinsOn: '2020-01-01', leavesOn: null }] })
    expect(mondays.map((date) => workDay(early, schedules, date).minutes)).toEqual([0, 60, 480, 0, 60, 480])
    expect(workDay(early, schedules, '2024-01-12').minutes).toBe(300)
    expect(workDay(early, schedules, '2023-12-22').minutes).toBe(300)
  })

  it('is that of a date, whatever clocks do on it', () => {
    const who = person()
    // Clocks go forward in Berlin on 2026-03-29 and back on 2026-10-25, both Sundays.
    const sundays = { patterns: [pattern([[480, 0, 0, 0, 0, 0, 420]])], calendars: [] }
    expect(minutes(who, sundays, '2026-03-28', '2026-03-30')).toEqual([0, 420, 480])
    expect(minutes(who, sundays, '2026-10-24', '2026-10-26')).toEqual([0, 420, 480])
  })

  it('is by the own pattern since it was assigned, else by the default one', () => {
    const own = pattern([[240, 240, 240, 240, 240, 0, 0]], { id: 'own', isDefault: false })
    const schedules = { patterns: [own, pattern([[360, 360, 360, 360, 360, 0, 0]])], calendars: [] }
    const who = person({
      schedules: [
        { from: '2026-03-03', patternId: 'own', calendarId: null },
        { from: '2026-03-05', patternId: null, calendarId: null },
      ],
    })
    expect(minutes(who, schedules, '2026-03-02', '2026-03-05')).toEqual([360, 240, 240, 360])
  })
})

describe('a holiday', () => {
  const day = '2026-05-01'

  it('frees the day, and the schedule stays what it was', () => {
    const schedules = { patterns: [], calendars: [calendar([holiday(day)])] }
    expect(workDay(person(), schedules, day)).toEqual({
      date: day,
      scheduled: 480,
      minutes: 0,
      halves: [0, 0],
      holiday: holiday(day),
    })
  })

  it('frees half a day; of an odd minute the first half has the greater part', () => {
    const patterns = [pattern([[481, 481, 481, 481, 481, 0, 0]])]
    const on = (portion: Holiday['portion']) =>
      workDay(person(), { patterns, calendars: [calendar([holiday(day, portion)])] }, day)
    expect(on('first-half')).toMatchObject({ scheduled: 481, minutes: 240, halves: [0, 240] })
    expect(on('second-half')).toMatchObject({ scheduled: 481, minutes: 241, halves: [241, 0] })
  })

  it.each(['Frappe #238', 'Frappe #3331'])('does not count twice: %s', () => {
    // There, a half day on a holiday took away half a day more than the holiday already had.
    for (const portion of ['full', 'first-half', 'second-half'] as const) {
      const schedules = { patterns: [], calendars: [calendar([holiday(day, portion)])] }
      const { minutes, halves } = workDay(person(), schedules, day)
      expect(halves[0] + halves[1]).toBe(minutes)
      expect(Math.min(...halves)).toBe(0)
      expect(minutes).toBe(portion === 'full' ? 0 : 240)
    }
  })

  it('on a day without work takes nothing away', () => {
    const sunday = '2026-03-08'
    const schedules = { patterns: [], calendars: [calendar([holiday(sunday, 'first-half')])] }
    expect(workDay(person(), schedules, sunday)).toMatchObject({ scheduled: 0, minutes: 0, halves: [0, 0] })
  })

  it('is of the own calendar, else of that of the place on that date, else of the default one', () => {
    const named = (name: string) => [{ ...holiday(day), name }]
    const calendars = [
      calendar(named('own'), { id: 'own', isDefault: false }),
      calendar(named('Leeds'), { id: 'leeds', isDefault: false, locations: ['York', 'Leeds'] }),
      calendar(named('default')),
    ]
    const nameFor = (given: Parameters<typeof person>[0], among = calendars) =>
      workDay(person(given), { patterns: [], calendars: among }, day).holiday?.name
    const inLeeds = [terms(), terms({ from: '2026-05-01', location: 'Leeds' })]
    expect(nameFor({})).toBe('default')
    expect(nameFor({ terms: inLeeds })).toBe('Leeds')
    expect(nameFor({ terms: [terms({ location: 'Leeds' }), terms({ from: day, location: 'Hull' })] })).toBe(
      'default',
    )
    const schedules = [{ from: '2026-01-01', patternId: null, calendarId: 'own' }]
    expect(nameFor({ terms: inLeeds, schedules })).toBe('own')
    expect(nameFor({}, calendars.slice(0, 2))).toBeUndefined()
  })
})
