import type { z } from 'zod'
import { callerOf } from '#kit/call.ts'
import type { Tx } from '#kit/tx.ts'
import type { requestOperations } from '../contract/requests.ts'
import { eachDay } from '../domain/dates.ts'
import { workDay } from '../domain/schedule.ts'
import { Conditions } from './conditions.ts'
import { idCursor } from './cursor.ts'
import { loadPeople } from './people.ts'
import { loadSchedules } from './rules.ts'

type Asked = z.output<(typeof requestOperations)['getTeamCalendar']['input']>
type TeamCalendar = z.output<(typeof requestOperations)['getTeamCalendar']['output']>
type Away = TeamCalendar['people'][number]['away'][number]

/** Who of a page of people is away when. Of colleagues is told that they are away, not why. */
export async function readTeamCalendar(tx: Tx, asked: Asked, now: Date): Promise<TeamCalendar> {
  const { from, to, of, scope, limit } = asked
  const me = scope.reach === 'all' ? (callerOf(tx.call).employee ?? null) : scope.employeeId
  const found = await readPage(tx, asked, me, now)
  const ids = found.slice(0, limit)
  const [people, away, schedules] = await Promise.all([
    loadPeople(tx, ids),
    readAway(tx, ids, from, to),
    loadSchedules(tx, from, to),
  ])
  // Few days are a holiday for anybody: only those are looked at for everybody.
  const holidays = eachDay(from, to)
    .filter((date) => schedules.calendars.some((calendar) => calendar.holidays.has(date)))
    .toArray()
  return {
    people: ids.map((employeeId) => ({
      employeeId,
      away: (away.get(employeeId) ?? []).flatMap(({ days, requestId, typeId, state }) => {
        const why =
          of === 'reports' || employeeId === me ? { requestId, typeId } : { requestId: null, typeId: null }
        return days.map((day) => ({ ...day, state, ...why }))
      }),
      holidays: holidays.filter((date) => workDay(people.get(employeeId)!, schedules, date).holiday),
    })),
    next: found.length > limit ? ids.at(-1)! : null,
  }
}

/** Ids of those who are asked for and employed in that time, and of one more than the page has. */
async function readPage(
  tx: Tx,
  { from, to, of, scope, cursor, limit }: Asked,
  me: string | null,
  now: Date,
): Promise<string[]> {
  const where = new Conditions()
  where.add(`exists (
    select from employment m where m.tenant = e.tenant and m.employee_id = e.id
      and m.joins_on <= ${where.value(to)} and coalesce(m.leaves_on, 'infinity') >= ${where.value(from)})`)
  if (cursor !== undefined) where.add(`e.id > ${where.value(idCursor(cursor))}`)
  if (of === 'team') where.add(`e.id in (${team(where.value(me), where.value(now))})`)
  else if (scope.reach === 'self') where.add(`e.id = ${where.value(me)}`)
  else if (scope.reach === 'reports') {
    const caller = where.value(me)
    where.add(`(e.id = ${caller} or e.id in (select reports_of(${caller}::uuid)))`)
  }
  const rows = await tx.query<{ id: string }>(
    `select e.id from employee e where ${where} order by e.id limit ${limit + 1}`,
    where.values,
  )
  return rows.map(({ id }) => id)
}

/** The caller, the manager of today, and who has the same one. */
const team = (me: string, now: string) => `
  with today as (select day_of(${me}::uuid, ${now}::timestamptz) as day),
  boss as (
    select t.manager_id as id from employee_terms t cross join today
    where t.tenant = app_tenant() and t.employee_id = ${me}::uuid
      and t.valid_from <= today.day and today.day < t.valid_to)
  select ${me}::uuid union select id from boss union
  select t.employee_id from employee_terms t join boss on t.manager_id = boss.id cross join today
  where t.tenant = app_tenant() and t.valid_from <= today.day and today.day < t.valid_to`

/** The days of some people of which leave takes working time, pending or approved, by person. */
async function readAway(tx: Tx, ids: readonly string[], from: string, to: string) {
  const rows = await tx.query<
    Omit<Away, 'date' | 'part'> & { employeeId: string; days: Pick<Away, 'date' | 'part'>[] }
  >(
    `select r.employee_id as "employeeId", r.id as "requestId", r.type_id as "typeId", r.state, d.days
     from leave_request r
     cross join lateral (
       select json_agg(json_build_object('date', d.date, 'part', d.part) order by d.date) as days
       from leave_request_day d
       where d.tenant = r.tenant and d.request_id = r.id and d.date between $2 and $3 and d.minutes > 0) d
     where r.employee_id = any ($1) and r.ends_on >= $2 and r.starts_on <= $3
       and r.state in ('pending', 'approved') and d.days is not null
     order by r.starts_on, r.id`,
    [ids, from, to],
    'calendar_away',
  )
  return Map.groupBy(rows, ({ employeeId }) => employeeId)
}
