import { daysBetween, eachDay, weekdayOf } from './dates.ts'
import type { Calendar, Holiday, Pattern, Person, Portion, Schedules } from './model.ts'
import { employmentOn, termsOn } from './person.ts'

/** The working time of an employee on a day, in minutes. */
export interface WorkDay {
  date: string
  /** What the pattern says, as if there were no holidays. */
  scheduled: number
  /** What is left of it beside a holiday. */
  minutes: number
  /** `minutes` of the first and of the second half of the scheduled time. */
  halves: readonly [number, number]
  holiday: Holiday | null
}

const eightHours = 480

/** For companies that have said nothing of their working time. */
const ordinaryWeek: Pick<Pattern, 'weeks' | 'anchor'> = {
  weeks: [[eightHours, eightHours, eightHours, eightHours, eightHours, 0, 0]],
  anchor: '2024-01-01',
}

/** `schedules` must hold the holidays of that date. Before joining and after leaving nobody works. */
export function workDay(person: Person, schedules: Schedules, date: string): WorkDay {
  if (!employmentOn(person, date)) return { date, scheduled: 0, minutes: 0, halves: [0, 0], holiday: null }
  const scheduled = scheduledOn(person, schedules, date)
  const holiday = calendarOf(person, schedules, date)?.holidays.get(date) ?? null
  // Of an odd minute the first half has the greater part.
  const firstHalf = Math.ceil(scheduled / 2)
  const halves = [
    isFree(holiday, 'first-half') ? 0 : firstHalf,
    isFree(holiday, 'second-half') ? 0 : scheduled - firstHalf,
  ] as const
  return { date, scheduled, minutes: halves[0] + halves[1], halves, holiday }
}

/** Minutes that the pattern says, whether employed or not. */
export const scheduledOn = (person: Person, schedules: Schedules, date: string): number =>
  minutesOn(patternOf(person, schedules, date), date)

/** All days from one to another, both included. */
export const workDays = (person: Person, schedules: Schedules, from: string, to: string): WorkDay[] =>
  eachDay(from, to)
    .map((date) => workDay(person, schedules, date))
    .toArray()

const isFree = (holiday: Holiday | null, half: Portion): boolean =>
  holiday?.portion === 'full' || holiday?.portion === half

/** The employee's own pattern on a date, else the default one. */
function patternOf(person: Person, { patterns }: Schedules, date: string): Pick<Pattern, 'weeks' | 'anchor'> {
  const own = ownOn(person, date)?.patternId
  return patterns.find(({ id }) => id === own) ?? patterns.find(({ isDefault }) => isDefault) ?? ordinaryWeek
}

/** The employee's own calendar on a date, else that of where the work is done, else the default one. */
export function calendarOf(person: Person, { calendars }: Schedules, date: string): Calendar | undefined {
  const own = ownOn(person, date)?.calendarId
  const { location } = termsOn(person, date)
  return (
    calendars.find(({ id }) => id === own) ??
    (location === null ? undefined : calendars.find(({ locations }) => locations.includes(location))) ??
    calendars.find(({ isDefault }) => isDefault)
  )
}

const ownOn = (person: Person, date: string) => person.schedules.findLast(({ from }) => from <= date)

function minutesOn({ weeks, anchor }: Pick<Pattern, 'weeks' | 'anchor'>, date: string): number {
  const sinceFirstMonday = daysBetween(anchor, date) + weekdayOf(anchor)
  const cycle = weeks.length * 7
  // Before the anchor too, the weeks alternate.
  const day = ((sinceFirstMonday % cycle) + cycle) % cycle
  return weeks[Math.floor(day / 7)]![day % 7]!
}
