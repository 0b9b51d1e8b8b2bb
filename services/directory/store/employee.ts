import type { z } from 'zod'
import type { Scope } from '#kit/schemas.ts'
import { scopeValues } from '#kit/scope.ts'
import { exactInstantOf } from '#kit/sql.ts'
import type { Tx } from '#kit/tx.ts'
import type { employee } from '../contract/schemas.ts'
import { refuse } from '../domain/refuse.ts'

export type Employee = z.output<typeof employee>

/** The last day, of the day after it. */
const lastDayOf = (column: string) => `(nullif(${column}, 'infinity') - 1)::text`

/**
 * The version of an employee `e` in force on a date (null: today in the version's zone). Before the first day it
 * is the first to come, after the last day the last: nobody is without terms. `shown_on` is the nearest day that it covers.
 */
export const versionInForce = (asOf: string) => `
  select v.*, d.day, least(greatest(d.day, v.valid_from), v.valid_to - 1) as shown_on from employee_version v cross join lateral (select day_in(v.time_zone, ${asOf}) as day) d
  where v.tenant = e.tenant and v.employee_id = e.id and v.valid_from < v.valid_to
  order by v.valid_from > d.day, abs(v.valid_from - d.day) limit 1`

/** Whether the person is employed on the day, given a version in force. */
export const statusOf = (version: string, day: string) =>
  `case when ${day} < ${version}.valid_from then 'pending'
        when ${day} < ${version}.valid_to then 'active' else 'terminated' end`

/** Terms, and what they refer to by the name that it has on a day within the version: single values, each one probe. */
const termsColumns = (day: string) => `
  v.valid_from::text as "effectiveFrom", ${lastDayOf('v.valid_to')} as "effectiveTo",
  v.org_unit_id as "orgUnitId",
  (select u.name from org_unit_version u where u.tenant = v.tenant and u.org_unit_id = v.org_unit_id
     and u.valid_from <= ${day} and ${day} < u.valid_to) as "orgUnitName",
  v.position_id as "positionId",
  (select p.title from position p where p.tenant = v.tenant and p.id = v.position_id) as "positionTitle",
  v.job_title as "jobTitle", v.manager_id as "managerId",
  (select e.display_name from employee e where e.tenant = v.tenant and e.id = v.manager_id) as "managerName",
  v.location, v.time_zone as "timeZone", v.employment_type as "employmentType", v.fte::float8 as fte,
  v.cost_centre as "costCentre"`

/** Employees as of a date, $1; the statement goes on with conditions. */
export const selectEmployees = `
  select e.id, e.number as "employeeNumber", ${statusOf('v', 'v.day')} as status, v.day::text as "asOf",
    e.given_name as "givenName", e.family_name as "familyName", e.display_name as "displayName",
    e.name_order as "nameOrder", e.email, e.birth_date::text as "birthDate", e.phone,
    m.joins_on::text as "joinsOn", m.leaves_on::text as "leavesOn", m.leaving_reason as "leavingReason",
    ${termsColumns('v.shown_on')}, ${exactInstantOf('e.updated_at')} as "updatedAt", e.version::float8 as version
  from employee e
  cross join lateral (${versionInForce('$1::date')}) v
  cross join lateral (
    select * from employment m
    where m.tenant = v.tenant and m.employee_id = v.employee_id and m.joins_on = v.joins_on limit 1) m`

export type EmployeeRow = Omit<Employee, 'person' | 'terms'> & Employee['person'] & Employee['terms']

export function toEmployee(row: EmployeeRow): Employee {
  return {
    id: row.id,
    employeeNumber: row.employeeNumber,
    status: row.status,
    asOf: row.asOf,
    person: {
      givenName: row.givenName,
      familyName: row.familyName,
      displayName: row.displayName,
      nameOrder: row.nameOrder,
      email: row.email,
      birthDate: row.birthDate,
      phone: row.phone,
    },
    joinsOn: row.joinsOn,
    leavesOn: row.leavesOn,
    leavingReason: row.leavingReason,
    terms: toTerms(row),
    updatedAt: row.updatedAt,
    version: row.version,
  }
}

export const toTerms = (row: Employee['terms']): Employee['terms'] => ({
  effectiveFrom: row.effectiveFrom,
  effectiveTo: row.effectiveTo,
  orgUnitId: row.orgUnitId,
  orgUnitName: row.orgUnitName,
  positionId: row.positionId,
  positionTitle: row.positionTitle,
  jobTitle: row.jobTitle,
  managerId: row.managerId,
  managerName: row.managerName,
  location: row.location,
  timeZone: row.timeZone,
  employmentType: row.employmentType,
  fte: row.fte,
  costCentre: row.costCentre,
})

const everyone: Scope = { reach: 'all' }

/** One employee within a scope, in one statement: the busiest read of all. */
export async function readEmployee(
  tx: Tx,
  employeeId: string,
  asOf: string | null,
  scope: Scope = everyone,
): Promise<Employee> {
  const [row] = await tx.query<EmployeeRow>(
    `${selectEmployees} where e.id = $2 and in_scope($3, $4, e.id, true)`,
    [asOf, employeeId, ...scopeValues(scope)],
    'employee_read',
  )
  if (!row) throw refuse('employee-not-found')
  return toEmployee(row)
}

/** All employments and versions, the latest first. */
export async function readHistory(tx: Tx, employeeIds: readonly string[]) {
  const [employments, versions] = await Promise.all([
    tx.query<{ employeeId: string; joinsOn: string; leavesOn: string | null; leavingReason: string | null }>(
      `select employee_id as "employeeId", joins_on::text as "joinsOn", leaves_on::text as "leavesOn",
              leaving_reason as "leavingReason"
       from employment where employee_id = any ($1) order by joins_on desc`,
      [employeeIds],
      'employment_history',
    ),
    tx.query<Employee['terms'] & { employeeId: string }>(
      `select v.employee_id as "employeeId", ${termsColumns('v.valid_from')}
       from employee_version v
       where v.employee_id = any ($1) and v.valid_from < v.valid_to order by v.valid_from desc`,
      [employeeIds],
      'version_history',
    ),
  ])
  return { employments, versions }
}

/** The id of an employee, if the scope reaches that far. */
export async function assertInScope(tx: Tx, employeeId: string, scope: Scope): Promise<number> {
  const [row] = await tx.query<{ version: number }>(
    'select version::float8 as version from employee where id = $1 and in_scope($2, $3, id, true)',
    [employeeId, ...scopeValues(scope)],
    'employee_in_scope',
  )
  if (!row) throw refuse('employee-not-found')
  return row.version
}
