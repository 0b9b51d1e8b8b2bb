import type { Facts } from './account.ts'
import { type Amount, amountOf } from './amount.ts'
import { addDays, addMonths, daysBetween, eachDay, earlier, later } from './dates.ts'
import { type Fraction, fraction, minus, plus, roundedTo, times, zero } from './fraction.ts'
import { type LeaveYear, leaveYearOn, passed, periodOn } from './leave-year.ts'
import type { Accrual, Employment, Person, Schedules } from './model.ts'
import { termsOn } from './person.ts'
import { policyFor } from './policy.ts'
import { scheduledOn } from './schedule.ts'

/** What comes due on a day. */
export interface Due {
  on: string
  year: LeaveYear
  /** First day of the period, or of the part of it that the rules apply to. */
  period: string
  policyId: string
  accrual: Accrual
  /** What the year's periods up to this one are worth together, rounded; caps on the balance are not looked at. */
  worth(): Amount
}

/** Days in a row of one employment to which the same rules of accrual apply. */
interface Stretch {
  from: string
  to: string
  employment: Employment
  policyId: string
  accrual: Accrual
  /** What of the year is counted for; more than from and to where a period that is begun counts as a whole. */
  counted: { from: string; to: string }
}

/** Later than any day. */
const never = '9999-12-31'

/**
 * What comes due after a day, in its order; without end where the employment has none. null: from the first day of the
 * leave year that `since` lies in.
 */
export function* duesAfter(facts: Facts, since: string, after: string | null): Generator<Due> {
  const stretches = stretchesOf(facts)
  for (const [i, stretch] of stretches.entries()) {
    const known = stretches.slice(0, i + 1)
    const { accrual, employment, policyId } = stretch
    const begin = leaveYearOn(accrual, employment, earlier(later(since, stretch.from), stretch.to))
    if (begin.to < since || (after !== null && stretch.to <= after)) continue
    let day = [stretch.from, begin.from, after ?? ''].reduce(later)
    while (day <= stretch.to) {
      const year = leaveYearOn(accrual, employment, day)
      const period = periodOn(year, accrual.frequency, day)
      const from = later(period.from, stretch.from)
      const on = accrual.timing === 'start' ? from : earlier(period.to, stretch.to)
      const through = period.to
      if (after === null || on > after)
        yield { on, year, period: from, policyId, accrual, worth: () => worth(facts, known, year, through) }
      day = addDays(period.to, 1)
    }
  }
}

/** When people are employed, and by which rules leave of the type accrues for them then. */
function stretchesOf({ person, type, policies }: Facts): Stretch[] {
  const changes = [
    ...person.terms.map(({ from }) => from),
    ...policies.flatMap(({ typeId, versions }) =>
      typeId === type.id ? versions.map(({ from }) => from) : [],
    ),
  ].sort()
  const stretches: Stretch[] = []
  for (const employment of person.employments) {
    const end = employment.leavesOn ?? never
    const begins = [employment.joinsOn, ...changes.filter((day) => day > employment.joinsOn && day <= end)]
    for (const [i, from] of begins.entries()) {
      const found = policyFor(policies, person, type.id, from)
      if (!found?.rules.accrual) continue
      const { accrual } = found.rules
      const to = i + 1 < begins.length ? addDays(begins[i + 1]!, -1) : end
      const last = stretches.at(-1)
      if (last?.accrual === accrual && last.employment === employment && addDays(last.to, 1) === from)
        last.to = to
      else stretches.push({ from, to, employment, policyId: found.policy.id, accrual, counted: { from, to } })
    }
  }
  for (const [i, stretch] of stretches.entries()) stretch.counted = countedOf(stretch, stretches[i - 1])
  return stretches
}

/** Where employment is not prorated, a period in which it begins or ends counts as a whole; never twice. */
function countedOf({ from, to, employment, accrual }: Stretch, before: Stretch | undefined) {
  if (accrual.prorateEmployment) return { from, to }
  const period = (day: string) => periodOn(leaveYearOn(accrual, employment, day), accrual.frequency, day)
  const begin = from === employment.joinsOn ? period(from).from : from
  return {
    from: before ? later(begin, addDays(before.counted.to, 1)) : begin,
    to: to === employment.leavesOn ? period(to).to : to,
  }
}

/** What accrues of a leave year up to a day, by all rules that it has had; the last ones say how it is rounded. */
function worth(facts: Facts, stretches: readonly Stretch[], year: LeaveYear, through: string): Amount {
  let sum = zero
  for (const stretch of stretches) {
    const from = later(stretch.counted.from, year.from)
    const to = [stretch.counted.to, year.to, through].reduce(earlier)
    if (from > to || leaveYearOn(stretch.accrual, stretch.employment, from).from !== year.from) continue
    sum = plus(sum, accruedIn(facts, stretch, from, to))
  }
  const { rounding, yearlyCap } = stretches.at(-1)!.accrual
  const rounded = roundedTo(sum, amountOf(rounding))
  return yearlyCap === undefined ? rounded : Math.min(rounded, amountOf(yearlyCap))
}

/** Of days of one leave year and stretch, exactly: parts with the same yearly amount and FTE. */
function accruedIn(facts: Facts, { accrual, employment }: Stretch, from: string, to: string): Fraction {
  const { person } = facts
  const year = leaveYearOn(accrual, employment, from)
  const anniversaries = accrual.steps.map(({ afterYears }) => addMonths(employment.joinsOn, afterYears * 12))
  const changes = [...(accrual.prorateFte ? person.terms.map((terms) => terms.from) : []), ...anniversaries]
  const begins = [from, ...changes.filter((day) => day > from && day <= to).sort()]
  const before = (day: string) => share(facts, year, accrual, addDays(day, -1))
  return begins.reduce((sum, begin, i) => {
    const step = accrual.steps.findLast((_, index) => anniversaries[index]! <= begin)
    const fte = accrual.prorateFte ? termsOn(person, begin).fte : 1000
    const part = minus(
      i + 1 < begins.length ? before(begins[i + 1]!) : share(facts, year, accrual, to),
      before(begin),
    )
    return plus(sum, times(part, fraction(amountOf(step?.amount ?? accrual.amount) * fte, 1000)))
  }, zero)
}

/** Which share of the year's entitlement belongs to its days up to one. */
function share(
  { person, schedules }: Facts,
  year: LeaveYear,
  { frequency }: Accrual,
  date: string,
): Fraction {
  if (frequency !== 'hourly' || date < year.from) return passed(year, frequency, date)
  const sums = minutesOf(person, schedules, year)
  const total = sums.at(-1)!
  return total === 0 ? zero : fraction(sums[daysBetween(year.from, earlier(date, year.to))]!, total)
}

const minutesBySchedules = new WeakMap<Schedules, Map<string, number[]>>()

/** Scheduled minutes from a year's first day through each of its days; most people share a pattern. */
function minutesOf(person: Person, schedules: Schedules, year: LeaveYear): number[] {
  const known = minutesBySchedules.get(schedules) ?? new Map<string, number[]>()
  minutesBySchedules.set(schedules, known)
  const key = JSON.stringify([year.from, person.schedules])
  let sums = known.get(key)
  if (!sums) {
    let sum = 0
    sums = eachDay(year.from, year.to)
      .map((day) => (sum += scheduledOn(person, schedules, day)))
      .toArray()
    known.set(key, sums)
  }
  return sums
}
