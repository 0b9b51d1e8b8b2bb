import type Holidays from 'date-holidays'
import type { HolidaysTypes } from 'date-holidays'
import { addDays } from './domain/dates.ts'
import type { Holiday, Portion } from './domain/model.ts'
import { refuse } from './domain/refuse.ts'

/**
 * The public holidays of a country, or of a state (`BY`) or region (`BY.A`) of it, that begin in some years, by date.
 * Refuses countries and regions that nothing is known of.
 */
export async function publicHolidays(
  country: string,
  region: string | null,
  years: readonly number[],
): Promise<Holiday[]> {
  const of = await holidaysOf(country, region)
  const days = years
    .flatMap((year) => of.getHolidays(year))
    .filter(({ type }) => type === 'public')
    .flatMap(daysOf)
  return [...Map.groupBy(days, ({ date }) => date).values()]
    .map((sameDay) => sameDay.reduce(together))
    .sort((a, b) => (a.date < b.date ? -1 : 1))
}

/** Refuses a country or region that nothing is known of. */
export async function assertRegion(country: string, region: string | null): Promise<void> {
  await holidaysOf(country, region)
}

async function holidaysOf(country: string, region: string | null): Promise<Holidays> {
  // Half the memory of a process that is never asked for public holidays.
  const { default: Holidays } = await import('date-holidays')
  const known = new Holidays()
  if (!Object.hasOwn(known.getCountries(), country)) throw refuse('country-unknown', { pointer: '/country' })
  if (region === null) return new Holidays(country)
  const [state = '', part] = region.split('.')
  assertOneOf(known.getStates(country), state, country)
  if (part === undefined) return new Holidays(country, state)
  assertOneOf(known.getRegions(country, state), part, `${country} ${state}`)
  return new Holidays(country, state, part)
}

function assertOneOf(regions: Record<string, string> | undefined, region: string, of: string): void {
  if (regions && Object.hasOwn(regions, region)) return
  const names = Object.keys(regions ?? {})
  throw refuse('country-unknown', {
    detail: names.length > 0 ? `Known regions of ${of}: ${names.join(', ')}` : `${of} has no regions`,
    pointer: '/region',
  })
}

const noon = 12
const evening = 18

/** The days of a holiday; what begins at noon or after takes half a day, what begins in the evening nothing. */
function daysOf({ date: begin, start, end, name }: HolidaysTypes.Holiday): Holiday[] {
  const date = begin.slice(0, 10)
  const hour = Number(begin.slice(11, 13))
  if (hour >= evening) return []
  if (hour >= noon) return [{ date, name, portion: 'second-half' }]
  // A day on which clocks change has 23 or 25 hours.
  const days = Math.max(1, Math.round((end.getTime() - start.getTime()) / 86_400_000))
  return Array.from({ length: days }, (_, i) => ({ date: addDays(date, i), name, portion: 'full' }))
}

function together(a: Holiday, b: Holiday): Holiday {
  const portion: Portion = a.portion === b.portion ? a.portion : 'full'
  return { date: a.date, name: a.name === b.name ? a.name : `${a.name}, ${b.name}`, portion }
}
