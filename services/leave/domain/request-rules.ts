import type { Asked } from './breakdown.ts'
import { addDays, addMonths, daysBetween, eachDay } from './dates.ts'
import type { DayPart, LeaveType, Person, Policy, PolicyRules, RequestDay } from './model.ts'
import { employmentOn } from './person.ts'
import { policyFor } from './policy.ts'
import { refuse } from './refuse.ts'
import type { WorkDay } from './schedule.ts'

/** What somebody asks for. */
export interface Wanted {
  typeId: string
  startsOn: string
  endsOn: string
  parts: readonly { date: string; take: DayPart }[]
  /** The version of the employee that was seen. */
  knownVersion?: number | undefined
}

/** A rule that a request breaks. */
export interface Conflict {
  code:
    | 'leave-type-closed'
    | 'outside-employment'
    | 'no-policy'
    | 'period-closed'
    | 'waiting-period'
    | 'block-date'
    | 'notice-too-short'
    | 'no-working-time'
    | 'beyond-working-time'
    | 'overlapping-request'
    | 'too-many-consecutive-days'
    | 'insufficient-balance'
  detail: string
  /** The field to change. */
  pointer: string
}

/** A day of another request of the employee that is pending or approved. */
export type OtherDay = Pick<RequestDay, 'date' | 'part' | 'minutes'> & { typeId: string }

/** All that the rules look at. */
export interface Case {
  wanted: Wanted
  person: Person
  type: LeaveType
  policies: readonly Policy[]
  /** Working time of each day that rules may look at; also around the request where it has neighbours. */
  workDayOn: (date: string) => WorkDay
  /** What the request takes, day by day. */
  days: readonly RequestDay[]
  others: readonly OtherDay[]
  closedThrough: string | null
  /** Where the employee works. */
  today: string
}

const longest = 366

/** What cannot even be priced. */
export function assertAsked({ startsOn, endsOn, parts, knownVersion }: Wanted, person: Person): void {
  if (knownVersion !== undefined && person.sourceVersion < knownVersion)
    throw refuse('employee-facts-behind', {
      detail: `Version ${knownVersion} was seen, ${person.sourceVersion} has arrived here`,
      pointer: '/knownVersion',
    })
  if (endsOn < startsOn)
    throw refuse('ends-before-start', {
      detail: `It would start on ${startsOn} and end on ${endsOn}`,
      pointer: '/endsOn',
    })
  const days = daysBetween(startsOn, endsOn) + 1
  if (days > longest)
    throw refuse('request-too-long', {
      detail: `It covers ${days} days; ${longest} are allowed`,
      pointer: '/endsOn',
    })
  const outside = parts.findIndex(({ date }) => date < startsOn || date > endsOn)
  if (outside >= 0)
    throw refuse('day-outside-request', {
      detail: `${parts[outside]!.date} is not between ${startsOn} and ${endsOn}`,
      pointer: `/parts/${outside}/date`,
    })
}

/** The policy that governs a request: that of its first day. */
export const governing = ({ policies, person, wanted }: Pick<Case, 'policies' | 'person' | 'wanted'>) =>
  policyFor(policies, person, wanted.typeId, wanted.startsOn)

/** Every rule that a request breaks, but for the balance; each once, by the first day that breaks it. */
export function conflictsOf(it: Case): Conflict[] {
  const rules = governing(it)?.rules.booking
  const found = [
    closedType(it),
    outsideEmployment(it),
    withoutPolicy(it),
    closedPeriod(it),
    waitingPeriod(it),
    blockDate(it),
    rules && shortNotice(it, rules),
    withoutWorkingTime(it),
    beyondWorkingTime(it),
    overlap(it),
    rules && tooManyInARow(it, rules),
  ]
  return found.filter((conflict) => conflict !== undefined)
}

type Booking = PolicyRules['booking']

/** The field that brings a day in. */
function pointerTo({ wanted }: Pick<Case, 'wanted'>, date: string): string {
  const part = wanted.parts.findIndex((one) => one.date === date)
  if (part >= 0) return `/parts/${part}/date`
  return date === wanted.startsOn ? '/startsOn' : '/endsOn'
}

const closedType = ({ type }: Case): Conflict | undefined =>
  type.open
    ? undefined
    : { code: 'leave-type-closed', detail: 'It takes no new requests', pointer: '/typeId' }

function outsideEmployment(it: Case): Conflict | undefined {
  const { wanted, person } = it
  const outside = eachDay(wanted.startsOn, wanted.endsOn).find((date) => !employmentOn(person, date))
  if (!outside) return undefined
  const spans = person.employments
    .map(({ joinsOn, leavesOn }) => `from ${joinsOn}${leavesOn ? ` to ${leavesOn}` : ''}`)
    .join(' and ')
  const detail = `${outside} is not in the employment ${spans}`
  return { code: 'outside-employment', detail, pointer: pointerTo(it, outside) }
}

function withoutPolicy(it: Case): Conflict | undefined {
  const { wanted, person, policies, days } = it
  const without = [{ date: wanted.startsOn }, ...taken(days)].find(
    ({ date }) => employmentOn(person, date) && !policyFor(policies, person, wanted.typeId, date),
  )
  return (
    without && {
      code: 'no-policy',
      detail: `None is for this employee on ${without.date}`,
      pointer: '/typeId',
    }
  )
}

const closedPeriod = ({ wanted, closedThrough }: Case): Conflict | undefined =>
  closedThrough === null || wanted.startsOn > closedThrough
    ? undefined
    : { code: 'period-closed', detail: `It is closed through ${closedThrough}`, pointer: '/startsOn' }

function waitingPeriod(it: Case): Conflict | undefined {
  const { wanted, person } = it
  const joinsOn = employmentOn(person, wanted.startsOn)?.joinsOn
  const months = governing(it)?.rules.eligibility.waitingMonths
  if (!joinsOn || !months) return undefined
  const from = addMonths(joinsOn, months)
  if (wanted.startsOn >= from) return undefined
  const detail = `${months} months after joining on ${joinsOn}, so from ${from} on`
  return { code: 'waiting-period', detail, pointer: '/startsOn' }
}

function blockDate(it: Case): Conflict | undefined {
  const { wanted, person, policies, days } = it
  for (const { date } of taken(days)) {
    const rules = policyFor(policies, person, wanted.typeId, date)?.rules
    const block = rules?.booking.blockDates.find(({ from, to }) => from <= date && date <= to)
    if (!block) continue
    const detail = `${date} is in ${block.name}, ${block.from} to ${block.to}`
    return { code: 'block-date', detail, pointer: pointerTo(it, date) }
  }
  return undefined
}

/** What is not asked for in advance, such as illness, has no notice in its policy, and may be told afterwards. */
function shortNotice({ wanted, today }: Case, { minNoticeDays }: Booking): Conflict | undefined {
  const notice = daysBetween(today, wanted.startsOn)
  if (minNoticeDays === 0 || notice >= minNoticeDays) return undefined
  const detail = `${minNoticeDays} days of notice are needed, so ${addDays(today, minNoticeDays)} is the first day`
  return { code: 'notice-too-short', detail, pointer: '/startsOn' }
}

/** Days of which working time is taken. */
const taken = (days: readonly RequestDay[]) => days.filter(({ minutes }) => minutes > 0)

function withoutWorkingTime(it: Case): Conflict | undefined {
  const { wanted, days } = it
  // More hours than there are is another rule.
  if (taken(days).length > 0 || days.some(({ part }) => part === 'hours')) return undefined
  const detail = `No working time is taken from ${wanted.startsOn} to ${wanted.endsOn}`
  return { code: 'no-working-time', detail, pointer: pointerTo(it, wanted.startsOn) }
}

function beyondWorkingTime(it: Case): Conflict | undefined {
  const beyond = it.days.find(({ date, asked }) => asked !== null && asked > it.workDayOn(date).minutes)
  if (!beyond) return undefined
  const detail = `${beyond.asked} minutes are asked for, ${it.workDayOn(beyond.date).minutes} are worked on ${beyond.date}`
  const index = it.wanted.parts.findIndex(({ date }) => date === beyond.date)
  return { code: 'beyond-working-time', detail, pointer: `/parts/${index}/take/minutes` }
}

/** Halves and whole days meet in the calendar, hours lie anywhere: of them only the sum is limited. */
function overlap(it: Case): Conflict | undefined {
  for (const day of it.days) {
    const others = it.others.filter(({ date }) => date === day.date)
    if (others.length === 0) continue
    const { minutes } = it.workDayOn(day.date)
    const already = others.reduce((sum, other) => sum + other.minutes, 0)
    if (!others.some((other) => meet(day, other)) && already + (day.asked ?? day.minutes) <= minutes) continue
    const detail = `Of ${day.date} other leave takes ${already} of ${minutes} minutes`
    return { code: 'overlapping-request', detail, pointer: pointerTo(it, day.date) }
  }
  return undefined
}

const meet = (a: Pick<Asked, 'part'>, b: Pick<Asked, 'part'>): boolean =>
  a.part !== 'hours' && b.part !== 'hours' && (a.part === 'full' || b.part === 'full' || a.part === b.part)

function tooManyInARow(it: Case, { maxConsecutiveDays: most }: Booking): Conflict | undefined {
  const own = taken(it.days).length
  if (most === null || own === 0) return undefined
  const adjacent = new Set(
    it.others
      .filter(({ typeId, minutes }) => typeId === it.wanted.typeId && minutes > 0)
      .map(({ date }) => date),
  )
  const count = own + adjacentDays(it, adjacent, -1) + adjacentDays(it, adjacent, 1)
  if (count <= most) return undefined
  const detail = `${count} working days in a row${count > own ? ' with adjacent requests' : ''}; ${most} are allowed`
  return { code: 'too-many-consecutive-days', detail, pointer: '/endsOn' }
}

/** Working days of other leave that follow without a day of work between; days without work do not end the row. */
function adjacentDays({ wanted, workDayOn }: Case, leave: ReadonlySet<string>, step: 1 | -1): number {
  let left = leave.size
  let date = addDays(step === 1 ? wanted.endsOn : wanted.startsOn, step)
  let count = 0
  // Nobody has more than a month without work in the middle of a row.
  for (let idle = 0; left > 0 && idle < 31; date = addDays(date, step)) {
    if (leave.has(date)) {
      count++
      left--
      idle = 0
    } else if (workDayOn(date).minutes === 0) idle++
    else break
  }
  return count
}

/** How far around a request its neighbours can matter, in days. */
export const reachAround = (most: number | null): number => (most === null ? 0 : 7 * most + 31)
