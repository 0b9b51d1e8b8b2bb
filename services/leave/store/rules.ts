import type { Tx } from '#kit/tx.ts'
import type { Calendar, Holiday, LeaveType, Pattern, Policy, Schedules } from '../domain/model.ts'

/**
 * Lets those who decide by the rules of the company (types, policies, calendars, patterns) end first, and keeps others
 * waiting: what is rated anew after a change misses nothing that was decided by the rules before it. Taken before any
 * row is locked; ends with the transaction.
 */
export const lockRules = (tx: Tx) =>
  tx.query(`select pg_advisory_xact_lock(hashtext('leave-rules'), hashtext($1))`, [tx.tenant], 'rules_lock')

/** Keeps rules from changing until the transaction ends; they are loaded after it. */
export const holdRules = (tx: Tx) =>
  tx.query(
    `select pg_advisory_xact_lock_shared(hashtext('leave-rules'), hashtext($1))`,
    [tx.tenant],
    'rules_hold',
  )

export interface NamedType extends LeaveType {
  code: string
  name: string
}

/** All leave types of the company. */
export const loadTypes = (tx: Tx): Promise<NamedType[]> =>
  tx.query<NamedType>(
    'select id, code, name, unit, overdraft::float8 as overdraft, open from leave_type order by code',
    [],
    'types_load',
  )

/** All policies of the company with all versions of their rules, by rank. */
export const loadPolicies = (tx: Tx): Promise<Policy[]> =>
  tx.query<Policy>(
    `select p.id, p.type_id as "typeId", p.rank,
       (select json_agg(json_build_object('from', v.valid_from, 'rules', v.rules) order by v.valid_from)
        from leave_policy_version v where v.tenant = p.tenant and v.policy_id = p.id) as versions
     from leave_policy p order by p.rank, p.id`,
    [],
    'policies_load',
  )

/** All patterns and calendars of the company, with the holidays from one day to another. */
export async function loadSchedules(tx: Tx, from: string, to: string): Promise<Schedules> {
  const [patterns, calendars] = await Promise.all([
    tx.query<Pattern>(
      'select id, is_default as "isDefault", weeks, anchor::text as anchor from working_pattern order by code',
      [],
      'patterns_load',
    ),
    tx.query<Omit<Calendar, 'holidays'> & { holidays: Holiday[] }>(
      `select c.id, c.is_default as "isDefault", c.locations,
         (select coalesce(json_agg(json_build_object('date', h.date, 'name', h.name, 'portion', h.portion)), '[]')
          from holiday h
          where h.tenant = c.tenant and h.calendar_id = c.id and h.date between $1 and $2) as holidays
       from holiday_calendar c order by c.code`,
      [from, to],
      'calendars_load',
    ),
  ])
  return {
    patterns,
    calendars: calendars.map(({ holidays, ...calendar }) => ({
      ...calendar,
      holidays: new Map(holidays.map((holiday) => [holiday.date, holiday])),
    })),
  }
}

/** Through which day the past is closed. */
export async function loadClosedThrough(tx: Tx): Promise<string | null> {
  const [row] = await tx.query<{ through: string }>(
    'select through::text as through from closed_period',
    [],
    'closed_period_load',
  )
  return row?.through ?? null
}
