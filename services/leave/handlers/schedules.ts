import { randomUUIDv7 } from 'node:crypto'
import type { CommandTx } from '#kit/command.ts'
import type { Database } from '#kit/database.ts'
import { cutPage } from '#kit/page.ts'
import { assertWholeTenant } from '#kit/scope.ts'
import { transactional } from '#kit/server.ts'
import type { Tx } from '#kit/tx.ts'
import type { Clock } from '../clock.ts'
import { scheduleOperations } from '../contract/schedules.ts'
import { addMonths, dayIn, earlier } from '../domain/dates.ts'
import { refuse } from '../domain/refuse.ts'
import { workDays } from '../domain/schedule.ts'
import { assertRegion, publicHolidays } from '../public-holidays.ts'
import { rateAnew } from '../rules-change.ts'
import { idCursor } from '../store/cursor.ts'
import { loadPerson, lockPerson } from '../store/people.ts'
import { loadSchedules, lockRules } from '../store/rules.ts'
import {
  addHolidays,
  type CalendarView,
  deleteHoliday,
  deposeOtherCalendar,
  deposeOtherPattern,
  type HolidayView,
  insertCalendar,
  insertPattern,
  knowsSchedule,
  listCalendars,
  listPatterns,
  putAssignment,
  putHolidays,
  readCalendar,
  readHolidays,
  readPattern,
  takenLocation,
  updateCalendar,
  updatePattern,
} from '../store/schedules.ts'
import { assertReaches } from '../store/scope.ts'
import { assertVersion } from '../store/version.ts'
import { changesOf } from './changes.ts'

/** Operations on holiday calendars, working patterns, and who has which. */
export const scheduleHandlers = (database: Database, clock: Clock) => {
  // Where the day begins last, so that it is not over for anybody.
  const today = () => dayIn('Etc/GMT+12', clock())

  return transactional({ operations: scheduleOperations }, database, {
    async createHolidayCalendar({ scope, country = null, region = null, locations, ...rest }, tx) {
      assertWholeTenant(scope)
      await assertPlace(country, region)
      await lockRules(tx)
      const id = randomUUIDv7()
      const fields = { ...rest, country, region, locations: [...new Set(locations)] }
      await assertLocations(tx, id, fields.locations, '/locations')
      if (fields.isDefault) await deposeCalendar(tx, id)
      await insertCalendar(tx, { id, ...fields })
      tx.emit({ kind: 'holiday-calendar-created', id, version: 1, changed: Object.keys(fields) })
      tx.audit({ object: 'holiday-calendar', id, after: fields })
      // Without holidays it may still replace one that has some.
      if (fields.isDefault || fields.locations.length > 0)
        tx.enqueue(rateAnew({ cause: 'holidays', from: today() }))
      return readCalendar(tx, id)
    },

    async changeHolidayCalendar({ calendarId: id, expectedVersion, changes, scope }, tx) {
      assertWholeTenant(scope)
      await lockRules(tx)
      const before = await readCalendar(tx, id)
      assertVersion(before, expectedVersion)
      const locations = changes.locations && [...new Set(changes.locations)]
      const { after, changed, of } = changesOf(before, { ...changes, locations })
      if (locations) await assertLocations(tx, id, locations, '/changes/locations')
      if (changes.isDefault) await deposeCalendar(tx, id)
      const saved = await updateCalendar(tx, after)
      tx.emit({ kind: 'holiday-calendar-changed', id, version: saved.version, changed })
      tx.audit({ object: 'holiday-calendar', id, before: of(before), after: of(after) })
      if (locations || changes.isDefault !== undefined)
        tx.enqueue(rateAnew({ cause: 'holidays', from: today() }))
      return saved
    },

    async listHolidayCalendars({ cursor, limit }, tx) {
      return cutPage(await listCalendars(tx, idCursor(cursor), limit + 1), limit)
    },

    async getHolidays({ calendarId, from, to }, tx) {
      const [calendar, holidays] = await Promise.all([
        readCalendar(tx, calendarId),
        readHolidays(tx, calendarId, from, to),
      ])
      return { calendar, holidays }
    },

    async addPublicHolidays({ calendarId: id, years, scope }, tx) {
      assertWholeTenant(scope)
      // What is of a country stays so: nobody waits for its holidays to be found.
      const { country, region } = await readCalendar(tx, id)
      if (country === null)
        throw refuse('country-unknown', {
          detail: 'The calendar has no country: make one that has, or set the holidays yourself',
        })
      const holidays = await publicHolidays(country, region, years)
      await lockRules(tx)
      const calendar = await readCalendar(tx, id)
      const added = await addHolidays(
        tx,
        id,
        holidays.map((holiday) => ({ ...holiday, source: 'public' })),
      )
      if (added.length === 0) return { added, calendar }
      return { added, calendar: await holidaysChanged(tx, calendar, [], added) }
    },

    async setHolidays({ calendarId: id, holidays, scope }, tx) {
      assertWholeTenant(scope)
      await lockRules(tx)
      const calendar = await readCalendar(tx, id)
      const after = holidays
        .map((holiday) => ({ ...holiday, source: 'company' as const }))
        .sort((a, b) => (a.date < b.date ? -1 : 1))
      const dates = new Set(after.map(({ date }) => date))
      const there = await readHolidays(tx, id, after[0]!.date, after.at(-1)!.date)
      await putHolidays(tx, id, after)
      const before = there.filter(({ date }) => dates.has(date))
      return { calendar: await holidaysChanged(tx, calendar, before, after) }
    },

    async removeHoliday({ calendarId: id, date, scope }, tx) {
      assertWholeTenant(scope)
      await lockRules(tx)
      const calendar = await readCalendar(tx, id)
      const removed = await deleteHoliday(tx, id, date)
      return { calendar: await holidaysChanged(tx, calendar, [removed], []) }
    },

    async createWorkingPattern({ scope, ...fields }, tx) {
      assertWholeTenant(scope)
      assertWork(fields.weeks, '/weeks')
      await lockRules(tx)
      const id = randomUUIDv7()
      if (fields.isDefault) await deposePattern(tx, id)
      await insertPattern(tx, { id, ...fields })
      tx.emit({ kind: 'working-pattern-created', id, version: 1, changed: Object.keys(fields) })
      tx.audit({ object: 'working-pattern', id, after: fields })
      if (fields.isDefault) tx.enqueue(rateAnew({ cause: 'working-pattern', from: today() }))
      return readPattern(tx, id)
    },

    async changeWorkingPattern({ patternId: id, expectedVersion, changes, scope }, tx) {
      assertWholeTenant(scope)
      if (changes.weeks) assertWork(changes.weeks, '/changes/weeks')
      await lockRules(tx)
      const before = await readPattern(tx, id)
      assertVersion(before, expectedVersion)
      const { after, changed, of } = changesOf(before, changes)
      if (changes.isDefault) await deposePattern(tx, id)
      await updatePattern(tx, after)
      tx.emit({ kind: 'working-pattern-changed', id, version: before.version + 1, changed })
      tx.audit({ object: 'working-pattern', id, before: of(before), after: of(after) })
      // Who has it is another matter than what it says: then it concerns those who had another, too.
      if (changes.isDefault !== undefined) tx.enqueue(rateAnew({ cause: 'working-pattern', from: today() }))
      else if (changes.weeks) tx.enqueue(rateAnew({ cause: 'working-pattern', from: today(), patternId: id }))
      return readPattern(tx, id)
    },

    async listWorkingPatterns({ cursor, limit }, tx) {
      return cutPage(await listPatterns(tx, idCursor(cursor), limit + 1), limit)
    },

    async assignSchedule({ employeeId, effectiveFrom, patternId, calendarId, scope }, tx) {
      await assertReaches(tx, scope, employeeId, false)
      await lockPerson(tx, employeeId)
      const [known, { schedules }] = await Promise.all([
        knowsSchedule(tx, { patternId, calendarId }),
        loadPerson(tx, employeeId),
      ])
      if (!known.pattern) throw refuse('reference-unknown', { pointer: '/patternId' })
      if (!known.calendar) throw refuse('reference-unknown', { pointer: '/calendarId' })
      const before = schedules.findLast(({ from }) => from <= effectiveFrom)
      const after = { patternId, calendarId }
      const version = await putAssignment(tx, employeeId, effectiveFrom, after)
      const changed = [
        ...(patternId === (before?.patternId ?? null) ? [] : ['patternId']),
        ...(calendarId === (before?.calendarId ?? null) ? [] : ['calendarId']),
      ]
      tx.emit({ kind: 'schedule-assigned', id: employeeId, version, changed })
      tx.audit({
        object: 'schedule',
        id: employeeId,
        ...(before ? { before: { patternId: before.patternId, calendarId: before.calendarId } } : {}),
        after: { effectiveFrom, ...after },
      })
      const cause = changed.includes('patternId') ? 'working-pattern' : 'holidays'
      if (changed.length > 0) tx.enqueue(rateAnew({ cause, from: effectiveFrom, employeeId }))
      return { employeeId, effectiveFrom }
    },

    async getSchedule({ employeeId, from, to, scope }, tx) {
      if (to < from) throw refuse('ends-before-start', { pointer: '/to' })
      if (to >= addMonths(from, 12)) throw refuse('request-too-long', { pointer: '/to' })
      await assertReaches(tx, scope, employeeId, true)
      const [person, schedules] = await Promise.all([loadPerson(tx, employeeId), loadSchedules(tx, from, to)])
      return { days: workDays(person, schedules, from, to) }
    },
  })
}

async function assertPlace(country: string | null, region: string | null): Promise<void> {
  if (country !== null) await assertRegion(country, region)
  else if (region !== null)
    throw refuse('country-unknown', { detail: 'A region needs its country', pointer: '/country' })
}

async function assertLocations(
  tx: Tx,
  id: string,
  locations: readonly string[],
  pointer: string,
): Promise<void> {
  const taken = await takenLocation(tx, id, locations)
  if (taken)
    throw refuse('location-taken', {
      detail: `Calendar ${taken.code} is for it`,
      pointer: `${pointer}/${locations.indexOf(taken.location)}`,
    })
}

function assertWork(weeks: readonly (readonly number[])[], pointer: string): void {
  if (weeks.flat().every((minutes) => minutes === 0)) throw refuse('pattern-without-work', { pointer })
}

async function deposeCalendar(tx: CommandTx, id: string): Promise<void> {
  for (const deposed of await deposeOtherCalendar(tx, id)) {
    tx.emit({ kind: 'holiday-calendar-changed', ...deposed, changed: ['isDefault'] })
    tx.audit({ object: 'holiday-calendar', id: deposed.id, ...noMoreDefault })
  }
}

async function deposePattern(tx: CommandTx, id: string): Promise<void> {
  for (const deposed of await deposeOtherPattern(tx, id)) {
    tx.emit({ kind: 'working-pattern-changed', ...deposed, changed: ['isDefault'] })
    tx.audit({ object: 'working-pattern', id: deposed.id, ...noMoreDefault })
  }
}

const noMoreDefault = { before: { isDefault: true }, after: { isDefault: false } }

/** Other holidays are a change of their calendar; what was rated by those before is rated anew. */
async function holidaysChanged(
  tx: CommandTx,
  calendar: CalendarView,
  before: readonly HolidayView[],
  after: readonly HolidayView[],
): Promise<CalendarView> {
  const { id } = calendar
  const saved = await updateCalendar(tx, calendar)
  tx.emit({ kind: 'holiday-calendar-changed', id, version: saved.version, changed: ['holidays'] })
  tx.audit({ object: 'holiday-calendar', id, before: { holidays: before }, after: { holidays: after } })
  const from = [...before, ...after].map(({ date }) => date).reduce(earlier)
  tx.enqueue(rateAnew({ cause: 'holidays', from, calendarId: id }))
  return saved
}
