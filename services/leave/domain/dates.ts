/** Local dates, `YYYY-MM-DD`: they compare as strings. */

const dayLength = 86_400_000

const utc = (date: string): number => Date.parse(`${date}T00:00:00Z`)

/** Dates that were written before: writing one is what most of a settlement's time would go into. */
const written = new Map<number, string>()
const mostWritten = 20_000

function dateOf(milliseconds: number): string {
  let date = written.get(milliseconds)
  if (date === undefined) {
    date = new Date(milliseconds).toISOString().slice(0, 10)
    if (written.size >= mostWritten) written.clear()
    written.set(milliseconds, date)
  }
  return date
}

export const addDays = (date: string, days: number): string => dateOf(utc(date) + days * dayLength)

/** Days from one date to another; 0 for the same. */
export const daysBetween = (from: string, to: string): number => (utc(to) - utc(from)) / dayLength

/** Month ends clamp: a month after 01-31 is 02-28, or 02-29. */
export function addMonths(date: string, months: number): string {
  const month = Number(date.slice(0, 4)) * 12 + Number(date.slice(5, 7)) - 1 + months
  const first = Date.UTC(Math.floor(month / 12), month % 12, 1)
  const last = new Date(Date.UTC(Math.floor(month / 12), (month % 12) + 1, 0)).getUTCDate()
  return dateOf(first + (Math.min(Number(date.slice(8)), last) - 1) * dayLength)
}

/** 0 is Monday. */
export const weekdayOf = (date: string): number => (new Date(utc(date)).getUTCDay() + 6) % 7

/** All days from one to another, both included. */
export function* eachDay(from: string, to: string): Generator<string> {
  for (let day = utc(from); day <= utc(to); day += dayLength) yield dateOf(day)
}

export const earlier = (a: string, b: string): string => (a < b ? a : b)
export const later = (a: string, b: string): string => (a > b ? a : b)

const formats = new Map<string, Intl.DateTimeFormat>()

/** The day that it is in a time zone at an instant. */
export function dayIn(zone: string, instant: Date): string {
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' })
    formats.set(zone, format)
  }
  return format.format(instant)
}
