import type { Tx } from '#kit/tx.ts'

/**
 * Finds who is above oneself on some date: walks up from each of $1, at every step only through the days on which the
 * whole way exists. A change makes a cycle only through what it changed, so it is enough to start there.
 */
const cycles = (table: string, node: string, above: string) => `
  with recursive walk as (
    select ${node} as origin, ${above} as id, daterange(valid_from, valid_to) as days
    from ${table} where tenant = app_tenant() and ${node} = any ($1) and ${above} is not null and valid_from < valid_to
    union
    select walk.origin, v.${above}, walk.days * daterange(v.valid_from, v.valid_to)
    from walk join ${table} v on v.tenant = app_tenant() and v.${node} = walk.id and v.${above} is not null
      and walk.days && daterange(v.valid_from, v.valid_to)
    where walk.id <> walk.origin)
  select distinct on (origin) origin as id, lower(days)::text as date from walk where id = origin
  order by origin, lower(days)`

export interface Cycle {
  id: string
  /** The first day of it. */
  date: string
}

export const reportingCycles = (tx: Tx, employeeIds: readonly string[]): Promise<Cycle[]> =>
  tx.query<Cycle>(cycles('employee_version', 'employee_id', 'manager_id'), [employeeIds], 'reporting_cycles')

export const orgUnitCycles = (tx: Tx, orgUnitIds: readonly string[]): Promise<Cycle[]> =>
  tx.query<Cycle>(cycles('org_unit_version', 'org_unit_id', 'parent_id'), [orgUnitIds], 'org_unit_cycles')
