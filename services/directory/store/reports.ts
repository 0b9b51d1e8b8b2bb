import type { Tx } from '#kit/tx.ts'

/** Who reports to a manager on any day after a date. */
export async function countReportsAfter(
  tx: Tx,
  managerId: string,
  date: string,
): Promise<{ count: number; some: string[] }> {
  const rows = await tx.query<{ id: string }>(
    `select distinct employee_id as id from employee_version
     where tenant = app_tenant() and manager_id = $1 and valid_from < valid_to and valid_to > $2::date + 1`,
    [managerId, date],
    'reports_after',
  )
  return { count: rows.length, some: rows.slice(0, 20).map(({ id }) => id) }
}

/** Versions in force on a date, $1; today in their own time zone unless told. */
const inForce = (version: string) =>
  `${version}.valid_from <= day_in(${version}.time_zone, $1::date)
   and day_in(${version}.time_zone, $1::date) < ${version}.valid_to`

export interface ChartNode {
  employeeId: string
  displayName: string
  jobTitle: string | null
  orgUnitName: string | null
  managerId: string | null
  level: number
}

const nodeColumns = `
  n.employee_id as "employeeId", e.display_name as "displayName", coalesce(n.job_title, p.title) as "jobTitle",
  u.name as "orgUnitName", n.manager_id as "managerId", n.level`

const nodeJoins = `
  left join position p on p.tenant = n.tenant and p.id = n.position_id
  join employee e on e.tenant = n.tenant and e.id = n.employee_id
  left join org_unit_version u on u.tenant = n.tenant and u.org_unit_id = n.org_unit_id
    and u.valid_from <= day_in(n.time_zone, $1::date) and day_in(n.time_zone, $1::date) < u.valid_to`

/** Far above any real reporting line. */
const deepest = 100

/**
 * The reporting tree below an employee, or below all who report to nobody (or to someone who is not employed then),
 * down to a depth, managers first.
 */
export const readOrgChart = (
  tx: Tx,
  options: { asOf: string | null; root: string | null; depth: number; limit: number },
): Promise<(ChartNode & { directReports: number })[]> =>
  tx.query(
    `with recursive n as (
       select v.*, 0 as level from employee_version v
       where ${inForce('v')} and ${
         options.root === null
           ? `$2::uuid is null and (v.manager_id is null or not exists (
                select from employee_version up where up.tenant = v.tenant and up.employee_id = v.manager_id
                  and ${inForce('up')}))`
           : 'v.employee_id = $2::uuid'
       }
       union all
       select v.*, n.level + 1 from n join employee_version v
         on v.tenant = n.tenant and v.manager_id = n.employee_id and ${inForce('v')}
       where n.level < $3),
     shown as (select n.*, e.sort_name from n join employee e on e.tenant = n.tenant and e.id = n.employee_id
               order by n.level, e.sort_name, e.id limit $4)
     select ${nodeColumns}, (select count(*)::int from employee_version below
       where below.tenant = n.tenant and below.manager_id = n.employee_id and ${inForce('below')}) as "directReports"
     from shown n ${nodeJoins} order by n.level, n.sort_name, n.employee_id`,
    [options.asOf, options.root, options.depth, options.limit],
    options.root === null ? 'org_chart_all' : 'org_chart_below',
  )

/** An employee, the manager, the manager above, and so on. */
export const readReportingLine = (tx: Tx, employeeId: string, asOf: string | null): Promise<ChartNode[]> =>
  tx.query(
    `with recursive n as (
       select v.*, 0 as level from employee_version v where v.employee_id = $2 and ${inForce('v')}
       union all
       select v.*, n.level + 1 from n join employee_version v
         on v.tenant = n.tenant and v.employee_id = n.manager_id and ${inForce('v')}
       where n.level < ${deepest})
     select ${nodeColumns} from n ${nodeJoins} order by n.level`,
    [asOf, employeeId],
    'reporting_line',
  )

export async function countReports(
  tx: Tx,
  employeeId: string,
  asOf: string | null,
): Promise<{ direct: number; total: number }> {
  const [row] = await tx.query<{ direct: number; total: number }>(
    `with recursive n as (
       select $2::uuid as employee_id, 0 as level
       union all
       select v.employee_id, n.level + 1 from n join employee_version v
         on v.tenant = app_tenant() and v.manager_id = n.employee_id and ${inForce('v')}
       where n.level < ${deepest})
     select count(*) filter (where level = 1)::int as direct, count(*) filter (where level > 0)::int as total from n`,
    [asOf, employeeId],
    'reports_count',
  )
  return row!
}
