import type { Frequency } from '../contract/schemas.ts'
import { addDays, addMonths, daysBetween, earlier } from './dates.ts'
import { type Fraction, fraction } from './fraction.ts'
import type { Accrual, Employment } from './model.ts'

/** A year of entitlement; a range's last day is part of it. */
export interface LeaveYear {
  from: string
  to: string
  /** Months are counted from here, so that ends of months that clamp do not shift those after them. */
  anchor: string
  /** Months from the anchor to the year's first day. */
  offset: number
}

/** A part of a leave year for which something accrues. */
export interface Period {
  from: string
  to: string
}

/** Months in a period, of the frequencies whose periods are equal parts of a year. */
const monthsIn: Partial<Record<Frequency, number>> = {
  yearly: 12,
  'half-yearly': 6,
  quarterly: 3,
  monthly: 1,
}

/** The leave year that a day lies in: by the calendar, or from the day of joining. */
export function leaveYearOn(
  { yearStart }: Pick<Accrual, 'yearStart'>,
  employment: Employment,
  date: string,
): LeaveYear {
  if (yearStart === 'anniversary') {
    const anchor = employment.joinsOn
    const offset = Math.floor(monthsBetween(anchor, date) / 12) * 12
    return yearFrom(anchor, offset)
  }
  const year = Number(date.slice(0, 4))
  const anchor = `${date.slice(5) < yearStart ? year - 1 : year}-${yearStart}`
  return yearFrom(anchor, 0)
}

const yearFrom = (anchor: string, offset: number): LeaveYear => ({
  from: addMonths(anchor, offset),
  to: addDays(addMonths(anchor, offset + 12), -1),
  anchor,
  offset,
})

/** The period of a leave year that a day lies in. Of the weeks of a year the last one has a day or two. */
export function periodOn(year: LeaveYear, frequency: Frequency, date: string): Period {
  const months = monthsIn[frequency]
  if (months) {
    const index = Math.floor((monthsBetween(year.anchor, date) - year.offset) / months)
    return {
      from: addMonths(year.anchor, year.offset + index * months),
      to: addDays(addMonths(year.anchor, year.offset + (index + 1) * months), -1),
    }
  }
  if (frequency !== 'weekly') return { from: date, to: date }
  const from = addDays(date, -(daysBetween(year.from, date) % 7))
  return { from, to: earlier(addDays(from, 6), year.to) }
}

/**
 * Which share of a year has passed at the end of a day: periods that are equal parts of a year by days within the part,
 * weeks and days by the days of the year.
 */
export function passed(year: LeaveYear, frequency: Frequency, date: string): Fraction {
  if (date >= year.to) return fraction(1, 1)
  if (date < year.from) return fraction(0, 1)
  const months = monthsIn[frequency]
  if (!months) return fraction(daysBetween(year.from, date) + 1, daysBetween(year.from, year.to) + 1)
  const index = Math.floor((monthsBetween(year.anchor, date) - year.offset) / months)
  const { from, to } = periodOn(year, frequency, date)
  const days = daysBetween(from, to) + 1
  return fraction(index * days + daysBetween(from, date) + 1, (12 / months) * days)
}

/** Whole months from one date to another. */
function monthsBetween(from: string, date: string): number {
  const months = (Number(date.slice(0, 4)) - Number(from.slice(0, 4))) * 12
  const naive = months + Number(date.slice(5, 7)) - Number(from.slice(5, 7))
  return addMonths(from, naive) > date ? naive - 1 : naive
}
