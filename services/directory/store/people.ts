import type { z } from 'zod'
import { badCursor } from '#kit/page.ts'
import type { Scope } from '#kit/schemas.ts'
import { allOf, exactInstantOf, Parameters } from '#kit/sql.ts'
import type { Tx } from '#kit/tx.ts'
import type { peopleOperations } from '../contract/people.ts'
import type { employeeSummary } from '../contract/schemas.ts'
import { searchTerms } from '../domain/search.ts'
import { statusOf, versionInForce } from './employee.ts'

type Search = z.output<(typeof peopleOperations)['searchEmployees']['input']>
type Summary = z.output<typeof employeeSummary>

class Conditions extends Parameters {
  /** On the employee alone: asked first. */
  readonly onEmployee: string[] = []
  /** On the version in force: asked in the order of the page, until it is full. */
  readonly onVersion: string[] = []
}

/**
 * Finds a page of people. Who matches is put in order first (`offset 0` keeps the planner from merging that), so that
 * versions are looked up for no more people than the page shows, however many match.
 */
export async function searchEmployees(
  tx: Tx,
  search: Search,
): Promise<{ items: Summary[]; next: string | null }> {
  const where = new Conditions()
  const asOf = `${where.value(search.asOf ?? null)}::date`
  addTerms(where, tx.tenant, search.q)
  addScope(where, search.scope)
  addFilters(where, search, asOf)
  const order = search.updatedSince ? byUpdate(where, search) : byName(where, search)
  const rows = await tx.query<Summary>(
    `select e.id, e.number as "employeeNumber", e.display_name as "displayName", e.given_name as "givenName",
       e.family_name as "familyName", e.email, ${statusOf('v', 'v.day')} as status, m.joins_on::text as "joinsOn",
       m.leaves_on::text as "leavesOn", coalesce(v.job_title, p.title) as "jobTitle", v.org_unit_id as "orgUnitId",
       u.name as "orgUnitName", v.manager_id as "managerId", v.location, v.time_zone as "timeZone",
       ${exactInstantOf('e.updated_at')} as "updatedAt", e.version::float8 as version
     from (select e.* from employee e where ${allOf(where.onEmployee)} order by ${order} offset 0) e
     cross join lateral (${versionInForce(asOf)}) v
     join employment m on m.tenant = v.tenant and m.employee_id = v.employee_id and m.joins_on = v.joins_on
     left join org_unit_version u on u.tenant = v.tenant and u.org_unit_id = v.org_unit_id
       and u.valid_from <= v.shown_on and v.shown_on < u.valid_to
     left join position p on p.tenant = v.tenant and p.id = v.position_id
     where ${allOf(where.onVersion)}
     order by ${order} limit ${search.limit + 1}`,
    where.values,
  )
  const items = rows.slice(0, search.limit)
  const last = items.at(-1)
  if (rows.length <= search.limit || !last) return { items, next: null }
  return { items, next: search.updatedSince ? `${last.updatedAt}_${last.id}` : last.id }
}

function addTerms(where: Conditions, tenant: string, q: string | undefined): void {
  const terms = q === undefined ? undefined : searchTerms(tenant, q)
  if (!terms) return
  where.onEmployee.push(
    `e.id in (select search_employees(${where.value(terms.patterns)}::text[], ${where.value(terms.keys)}::int[]))`,
  )
}

function addScope(where: Conditions, scope: Scope): void {
  if (scope.reach === 'all') return
  const caller = where.value(scope.employeeId)
  where.onEmployee.push(
    scope.reach === 'self'
      ? `e.id = ${caller}`
      : `(e.id = ${caller} or e.id in (select reports_of(${caller}::uuid)))`,
  )
}

/** Each filter asks the version in force, and an index before it for who can match at all. */
function addFilters(where: Conditions, { filters, updatedSince }: Search, asOf: string): void {
  const statuses = filters.status ?? (updatedSince ? undefined : ['active', 'pending'])
  if (statuses) where.onVersion.push(`${statusOf('v', 'v.day')} = any (${where.value(statuses)}::text[])`)
  const match = (column: string, condition: string) => {
    where.onEmployee.push(`e.id in (select employee_id from employee_version where ${column} ${condition})`)
    where.onVersion.push(`v.${column} ${condition}`)
  }
  if (filters.orgUnitId) {
    const unit = where.value(filters.orgUnitId)
    match('org_unit_id', filters.includeSubUnits ? `in (${unitsBelow(unit, asOf)})` : `= ${unit}`)
  }
  if (filters.managerId) match('manager_id', `= ${where.value(filters.managerId)}`)
  if (filters.positionId) match('position_id', `= ${where.value(filters.positionId)}`)
  if (filters.location) where.onVersion.push(`v.location = ${where.value(filters.location)}`)
  if (filters.employmentType)
    where.onVersion.push(`v.employment_type = ${where.value(filters.employmentType)}`)
}

const unitsBelow = (unit: string, asOf: string) => `
  with recursive below as (
    select ${unit}::uuid as id
    union
    select child.org_unit_id from below join org_unit_version child
      on child.tenant = app_tenant() and child.parent_id = below.id
      and child.valid_from <= day_in('UTC', ${asOf}) and day_in('UTC', ${asOf}) < child.valid_to)
  select id from below`

/** The cursor is the last id: names stay out of it. */
function byName(where: Conditions, { cursor }: Search): string {
  if (cursor !== undefined) {
    const id = where.value(uuidCursor(cursor))
    where.onEmployee.push(
      `(e.sort_name, e.id) > ((select sort_name from employee where id = ${id}::uuid), ${id}::uuid)`,
    )
  }
  return 'e.sort_name, e.id'
}

function byUpdate(where: Conditions, { updatedSince, cursor }: Search): string {
  where.onEmployee.push(`e.updated_at >= ${where.value(updatedSince)}::timestamptz`)
  if (cursor !== undefined) {
    const [at, id] = cursor.split('_')
    if (!at || Number.isNaN(Date.parse(at)) || id === undefined) throw badCursor()
    where.onEmployee.push(
      `(e.updated_at, e.id) > (${where.value(at)}::timestamptz, ${where.value(uuidCursor(id))}::uuid)`,
    )
  }
  return 'e.updated_at, e.id'
}

/** Who is unknown is left out. */
export const readNames = (tx: Tx, ids: readonly string[]) =>
  tx.query<{ employeeId: string; displayName: string }>(
    'select id as "employeeId", display_name as "displayName" from employee where id = any ($1)',
    [ids],
    'names_read',
  )

/** A cursor that is an id; anything else was made up. */
export function uuidCursor(cursor: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(cursor)) throw badCursor()
  return cursor
}
