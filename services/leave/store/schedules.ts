import type { z } from 'zod'
import type { Tx } from '#kit/tx.ts'
import type { holiday, holidayCalendar, workingPattern } from '../contract/schedules.ts'
import { refuse } from '../domain/refuse.ts'

export type CalendarView = z.output<typeof holidayCalendar>
export type HolidayView = z.output<typeof holiday>
type PatternView = z.output<typeof workingPattern>

/** Another calendar or pattern that is no longer the default one. */
interface Deposed {
  id: string
  version: number
}

const calendarColumns = `
  id, code, name, country, region, locations, is_default as "isDefault", version::float8 as version`

export async function insertCalendar(tx: Tx, calendar: Omit<CalendarView, 'version'>): Promise<void> {
  const { id, code, name, country, region, locations, isDefault } = calendar
  await tx.query(
    `insert into holiday_calendar (tenant, id, code, name, country, region, locations, is_default)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [tx.tenant, id, code, name, country, region, locations, isDefault],
    'calendar_insert',
  )
}

export async function readCalendar(tx: Tx, id: string): Promise<CalendarView> {
  const [row] = await tx.query<CalendarView>(
    `select ${calendarColumns} from holiday_calendar where id = $1`,
    [id],
    'calendar_read',
  )
  if (!row) throw refuse('holiday-calendar-not-found')
  return row
}

/** Saves a calendar, of which some holidays may have changed; answers with it. */
export async function updateCalendar(tx: Tx, calendar: CalendarView): Promise<CalendarView> {
  const { id, code, name, locations, isDefault } = calendar
  const [row] = await tx.query<CalendarView>(
    `update holiday_calendar set code = $2, name = $3, locations = $4, is_default = $5, version = version + 1
     where id = $1 returning ${calendarColumns}`,
    [id, code, name, locations, isDefault],
    'calendar_update',
  )
  return row!
}

/** Makes room for this one to be the default calendar. */
export const deposeOtherCalendar = (tx: Tx, id: string): Promise<Deposed[]> =>
  tx.query(
    `update holiday_calendar set is_default = false, version = version + 1 where is_default and id <> $1
     returning id, version::float8 as version`,
    [id],
    'calendar_depose',
  )

/** A location among some that a calendar other than this one is for. */
export async function takenLocation(
  tx: Tx,
  id: string,
  locations: readonly string[],
): Promise<{ location: string; code: string } | undefined> {
  const [row] = await tx.query<{ location: string; code: string }>(
    `select location, code from holiday_calendar, unnest(locations) as location
     where id <> $1 and location = any ($2) order by location limit 1`,
    [id, locations],
    'calendar_location_taken',
  )
  return row
}

export const listCalendars = (tx: Tx, after: string | null, limit: number): Promise<CalendarView[]> =>
  tx.query(
    `select ${calendarColumns} from holiday_calendar
     where $1::uuid is null or code > (select code from holiday_calendar where id = $1)
     order by code limit $2`,
    [after, limit],
    'calendars_list',
  )

const holidayColumns = 'date::text as date, name, portion, source'

export const readHolidays = (tx: Tx, calendarId: string, from: string, to: string): Promise<HolidayView[]> =>
  tx.query(
    `select ${holidayColumns} from holiday where calendar_id = $1 and date between $2 and $3 order by date`,
    [calendarId, from, to],
    'holidays_read',
  )

const holidayValues = (tx: Tx, calendarId: string, holidays: readonly HolidayView[]) => [
  tx.tenant,
  calendarId,
  holidays.map(({ date }) => date),
  holidays.map(({ name }) => name),
  holidays.map(({ portion }) => portion),
  holidays.map(({ source }) => source),
]

const holidayInsert = `
  insert into holiday (tenant, calendar_id, date, name, portion, source)
  select $1, $2, * from unnest($3::date[], $4::text[], $5::text[], $6::text[])
  on conflict (tenant, calendar_id, date)`

/** Adds holidays on dates that have none; answers with those, by date. */
export async function addHolidays(
  tx: Tx,
  calendarId: string,
  holidays: readonly HolidayView[],
): Promise<HolidayView[]> {
  const added = await tx.query<HolidayView>(
    `${holidayInsert} do nothing returning ${holidayColumns}`,
    holidayValues(tx, calendarId, holidays),
    'holidays_add',
  )
  return added.sort((a, b) => (a.date < b.date ? -1 : 1))
}

export async function putHolidays(
  tx: Tx,
  calendarId: string,
  holidays: readonly HolidayView[],
): Promise<void> {
  await tx.query(
    `${holidayInsert} do update set name = excluded.name, portion = excluded.portion, source = excluded.source`,
    holidayValues(tx, calendarId, holidays),
    'holidays_put',
  )
}

export async function deleteHoliday(tx: Tx, calendarId: string, date: string): Promise<HolidayView> {
  const [row] = await tx.query<HolidayView>(
    `delete from holiday where calendar_id = $1 and date = $2 returning ${holidayColumns}`,
    [calendarId, date],
    'holiday_delete',
  )
  if (!row) throw refuse('holiday-not-found', { pointer: '/date' })
  return row
}

const patternColumns = `
  id, code, name, weeks, anchor::text as anchor, is_default as "isDefault", version::float8 as version`

export async function insertPattern(tx: Tx, pattern: Omit<PatternView, 'version'>): Promise<void> {
  const { id, code, name, weeks, anchor, isDefault } = pattern
  await tx.query(
    `insert into working_pattern (tenant, id, code, name, weeks, anchor, is_default)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [tx.tenant, id, code, name, JSON.stringify(weeks), anchor, isDefault],
    'pattern_insert',
  )
}

export async function readPattern(tx: Tx, id: string): Promise<PatternView> {
  const [row] = await tx.query<PatternView>(
    `select ${patternColumns} from working_pattern where id = $1`,
    [id],
    'pattern_read',
  )
  if (!row) throw refuse('working-pattern-not-found')
  return row
}

export async function updatePattern(tx: Tx, pattern: PatternView): Promise<void> {
  const { id, code, name, weeks, isDefault } = pattern
  await tx.query(
    `update working_pattern set code = $2, name = $3, weeks = $4, is_default = $5, version = version + 1
     where id = $1`,
    [id, code, name, JSON.stringify(weeks), isDefault],
    'pattern_update',
  )
}

/** Makes room for this one to be the default pattern. */
export const deposeOtherPattern = (tx: Tx, id: string): Promise<Deposed[]> =>
  tx.query(
    `update working_pattern set is_default = false, version = version + 1 where is_default and id <> $1
     returning id, version::float8 as version`,
    [id],
    'pattern_depose',
  )

export const listPatterns = (tx: Tx, after: string | null, limit: number): Promise<PatternView[]> =>
  tx.query(
    `select ${patternColumns} from working_pattern
     where $1::uuid is null or code > (select code from working_pattern where id = $1)
     order by code limit $2`,
    [after, limit],
    'patterns_list',
  )

interface Assignment {
  patternId: string | null
  calendarId: string | null
}

/** Whether there are such a pattern and such a calendar, where one is named. */
export async function knowsSchedule(tx: Tx, { patternId, calendarId }: Assignment) {
  const [row] = await tx.query<{ pattern: boolean; calendar: boolean }>(
    `select $1::uuid is null or exists (select from working_pattern where id = $1) as pattern,
            $2::uuid is null or exists (select from holiday_calendar where id = $2) as calendar`,
    [patternId, calendarId],
    'schedule_known',
  )
  return row!
}

/** What an employee has of their own from a date on, until what follows; answers with how often that was said. */
export async function putAssignment(
  tx: Tx,
  employeeId: string,
  from: string,
  { patternId, calendarId }: Assignment,
): Promise<number> {
  const [, [row]] = await Promise.all([
    tx.query(
      `insert into employee_schedule (tenant, employee_id, valid_from, pattern_id, calendar_id)
       values ($1, $2, $3, $4, $5)
       on conflict (tenant, employee_id, valid_from) do update set
         pattern_id = excluded.pattern_id, calendar_id = excluded.calendar_id`,
      [tx.tenant, employeeId, from, patternId, calendarId],
      'schedule_put',
    ),
    tx.query<{ version: number }>(
      `update employee set schedule_version = schedule_version + 1 where id = $1
       returning schedule_version::float8 as version`,
      [employeeId],
      'schedule_count',
    ),
  ])
  return row!.version
}
