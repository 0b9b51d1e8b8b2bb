import { z } from 'zod'
import { command, query } from '#kit/contract.ts'
import { id, localDate, page, pageOf, scope, text, version } from '#kit/schemas.ts'
import { portion } from './schemas.ts'

const code = text(40).meta({ description: "The company's own short code, unique among its kind" })

const minutes = z.int().min(0).max(1440)
/** Working minutes from Monday to Sunday. */
const week = z.array(minutes).length(7).meta({ description: 'Working minutes from Monday to Sunday' })

const calendarFields = {
  country: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .optional()
    .meta({ description: 'ISO 3166-1; whose public holidays are taken' }),
  region: z
    .string()
    .regex(/^[A-Za-z0-9]{1,20}(\.[A-Za-z0-9]{1,20})?$/)
    .optional()
    .meta({ description: 'State of the country, or a region of it: BY or BY.A of DE' }),
  locations: z
    .array(text(200))
    .max(200)
    .default([])
    .meta({ description: 'Employees at these locations have this calendar, unless one is assigned to them' }),
  isDefault: z.boolean().default(false).meta({ description: 'For all who have no other' }),
}

export const holiday = z.object({
  date: localDate,
  name: z.string(),
  portion,
  source: z.enum(['public', 'company']),
})

export const holidayCalendar = z.object({
  id,
  code: z.string(),
  name: z.string(),
  country: z.string().nullable(),
  region: z.string().nullable(),
  locations: z.array(z.string()),
  isDefault: z.boolean(),
  version,
})

export const workingPattern = z.object({
  id,
  code: z.string(),
  name: z.string(),
  weeks: z.array(week).meta({ description: 'They alternate, the first one being that of the anchor' }),
  anchor: localDate,
  isDefault: z.boolean(),
  version,
})

/** Holiday calendars, working patterns, and who has which. */
export const scheduleOperations = {
  createHolidayCalendar: command({
    summary: 'Creates a holiday calendar',
    deadline: 5000,
    input: z.strictObject({ code, name: text(200), ...calendarFields, scope }),
    output: holidayCalendar,
    errors: ['code-taken', 'country-unknown', 'location-taken'],
  }),
  changeHolidayCalendar: command({
    summary: 'Renames a holiday calendar, or changes for whom it is',
    deadline: 5000,
    input: z.strictObject({
      calendarId: id,
      expectedVersion: version,
      changes: z.strictObject({
        code: code.optional(),
        name: text(200).optional(),
        locations: z.array(text(200)).max(200).optional(),
        isDefault: z.boolean().optional(),
      }),
      scope,
    }),
    output: holidayCalendar,
    errors: ['holiday-calendar-not-found', 'code-taken', 'location-taken'],
  }),
  listHolidayCalendars: query({
    summary: 'Lists holiday calendars by code',
    deadline: 1000,
    input: z.strictObject({ ...page, scope }),
    output: pageOf(holidayCalendar),
  }),
  getHolidays: query({
    summary: 'The holidays of a calendar in a time',
    deadline: 1000,
    input: z.strictObject({ calendarId: id, from: localDate, to: localDate, scope }),
    output: z.object({ calendar: holidayCalendar, holidays: z.array(holiday) }),
    errors: ['holiday-calendar-not-found'],
  }),
  addPublicHolidays: command({
    summary:
      'Adds the public holidays of the calendar’s country and region; those that are there stay as they are',
    deadline: 5000,
    input: z.strictObject({
      calendarId: id,
      years: z.array(z.int().min(1970).max(2100)).min(1).max(10),
      scope,
    }),
    output: z.object({
      added: z.array(holiday).meta({ description: 'Those that begin in these years, by date' }),
      calendar: holidayCalendar,
    }),
    errors: ['holiday-calendar-not-found', 'country-unknown'],
  }),
  setHolidays: command({
    summary: 'Adds holidays of the company, or replaces those on the same dates',
    deadline: 5000,
    input: z.strictObject({
      calendarId: id,
      holidays: z
        .array(z.strictObject({ date: localDate, name: text(200), portion: portion.default('full') }))
        .min(1)
        .max(400)
        .refine((holidays) => new Set(holidays.map(({ date }) => date)).size === holidays.length, {
          error: 'Has a date twice',
          params: { rule: 'date-once' },
        }),
      scope,
    }),
    output: z.object({ calendar: holidayCalendar }),
    errors: ['holiday-calendar-not-found'],
  }),
  removeHoliday: command({
    summary: 'Removes a holiday: it becomes a working day for whose pattern says so',
    deadline: 5000,
    input: z.strictObject({ calendarId: id, date: localDate, scope }),
    output: z.object({ calendar: holidayCalendar }),
    errors: ['holiday-calendar-not-found', 'holiday-not-found'],
  }),
  createWorkingPattern: command({
    summary: 'Creates a working pattern of one or more alternating weeks',
    deadline: 3000,
    input: z.strictObject({
      code,
      name: text(200),
      weeks: z.array(week).min(1).max(12),
      anchor: localDate.default('2024-01-01').meta({ description: 'A day in a first week' }),
      isDefault: z.boolean().default(false),
      scope,
    }),
    output: workingPattern,
    errors: ['code-taken', 'pattern-without-work'],
  }),
  changeWorkingPattern: command({
    summary: 'Changes a working pattern; affected future requests are rated anew',
    deadline: 5000,
    input: z.strictObject({
      patternId: id,
      expectedVersion: version,
      changes: z.strictObject({
        code: code.optional(),
        name: text(200).optional(),
        weeks: z.array(week).min(1).max(12).optional(),
        isDefault: z.boolean().optional(),
      }),
      scope,
    }),
    output: workingPattern,
    errors: ['working-pattern-not-found', 'code-taken', 'pattern-without-work'],
  }),
  listWorkingPatterns: query({
    summary: 'Lists working patterns by code',
    deadline: 1000,
    input: z.strictObject({ ...page, scope }),
    output: pageOf(workingPattern),
  }),
  assignSchedule: command({
    summary: 'Gives an employee a working pattern and a holiday calendar of their own from a date on',
    deadline: 5000,
    input: z.strictObject({
      employeeId: id,
      effectiveFrom: localDate,
      patternId: id.nullable().meta({ description: 'null: the default one' }),
      calendarId: id.nullable().meta({ description: 'null: that of the location, or the default one' }),
      scope,
    }),
    output: z.object({ employeeId: id, effectiveFrom: localDate }),
    errors: ['employee-not-found', 'reference-unknown'],
  }),
  getSchedule: query({
    summary: 'The working time of an employee, day by day, a year at most',
    deadline: 1000,
    input: z.strictObject({ employeeId: id, from: localDate, to: localDate, scope }),
    output: z.object({
      days: z.array(
        z.object({
          date: localDate,
          minutes: minutes.meta({ description: 'Working time, holidays left out' }),
          holiday: holiday.pick({ name: true, portion: true }).nullable(),
        }),
      ),
    }),
    errors: ['employee-not-found', 'ends-before-start', 'request-too-long'],
  }),
}
