import type { Tx } from '#kit/tx.ts'

/** Things that rows name by the company's own codes. */

export interface UnitRef {
  id: string
  opensOn: string
  closesOn: string | null
}

const distinct = (codes: readonly (string | null | undefined)[]) => [...new Set(codes.filter((code) => code))]

export async function unitsByCode(
  tx: Tx,
  codes: readonly (string | null | undefined)[],
): Promise<Map<string, UnitRef>> {
  const wanted = distinct(codes)
  if (wanted.length === 0) return new Map()
  const rows = await tx.query<UnitRef & { code: string }>(
    `select code, id, opens_on::text as "opensOn", closes_on::text as "closesOn"
     from org_unit where tenant = app_tenant() and code = any ($1)`,
    [wanted],
    'lookup_units',
  )
  return new Map(rows.map(({ code, ...unit }) => [code, unit]))
}

export async function positionsByCode(
  tx: Tx,
  codes: readonly (string | null | undefined)[],
): Promise<Map<string, { id: string; open: boolean }>> {
  const wanted = distinct(codes)
  if (wanted.length === 0) return new Map()
  const rows = await tx.query<{ code: string; id: string; open: boolean }>(
    'select code, id, open from position where tenant = app_tenant() and code = any ($1)',
    [wanted],
    'lookup_positions',
  )
  return new Map(rows.map(({ code, ...position }) => [code, position]))
}

export interface EmployeeRef {
  id: string
  hiredOn: string
  /** The last day of the last employment, if it has one. */
  leavesOn: string | null
}

export async function employeesByNumber(
  tx: Tx,
  numbers: readonly (string | null | undefined)[],
): Promise<Map<string, EmployeeRef>> {
  const wanted = distinct(numbers)
  if (wanted.length === 0) return new Map()
  const rows = await tx.query<EmployeeRef & { number: string }>(
    `select number, id, hired_on::text as "hiredOn", last.leaves_on::text as "leavesOn"
     from employee e cross join lateral (
       select leaves_on from employment m where m.tenant = e.tenant and m.employee_id = e.id
       order by joins_on desc limit 1) last
     where e.tenant = app_tenant() and number = any ($1)`,
    [wanted],
    'lookup_employees',
  )
  return new Map(rows.map(({ number, ...employee }) => [number, employee]))
}
