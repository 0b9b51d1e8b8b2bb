/** Local dates, `YYYY-MM-DD`: they compare as strings. */

const dayLength = 86_400_000

/** Works things out once: reading and writing dates is what most of a settlement's time would go into. */
function remembering<K, V>(work: (key: K) => V): (key: K) => V {
  const most = 20_000
  const known = new Map<K, V>()
  return (key) => {
    let value = known.get(key)
    if (value === undefined) {
      value = work(key)
      if (known.size >= most) known.clear()
      known.set(key, value)
    }
    return value
  }
}

const utc = remembering((date: string) => Date.parse(`${date}T00:00:00Z`))
const dateOf = remembering((milliseconds: number) => new Date(milliseconds).toISOString().slice(0, 10))

export const addDays = (date: string, days: number): string => dateOf(utc(date) + days * dayLength)

/** Days from one date to another; 0 for the same. */
export const daysBetween = (from: string, to: string): number => (utc(to) - utc(from)) / dayLength

/** The first day of a month, counted from the year 0 on. */
const firstOf = remembering((month: number) => Date.UTC(Math.floor(month / 12), month % 12, 1))

/** Month ends clamp: a month after 01-31 is 02-28, or 02-29. */
export function addMonths(date: string, months: number): string {
  const month = Number(date.slice(0, 4)) * 12 + Number(date.slice(5, 7)) - 1 + months
  const first = firstOf(month)
  const end = firstOf(month + 1) - dayLength
  return dateOf(Math.min(first + (Number(date.slice(8)) - 1) * dayLength, end))
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
