import type { z } from 'zod'
import { DomainError } from '#kit/problem.ts'
import type { Tx } from '#kit/tx.ts'
import type { orgUnit, position } from '../contract/organization.ts'
import type { OrgUnit, UnitTerms, UnitVersion } from '../domain/org-unit.ts'
import { refuse } from '../domain/refuse.ts'

export type OrgUnitView = z.output<typeof orgUnit>
export type PositionView = z.output<typeof position>

const viewColumns = `
  u.id, u.code, v.name, v.parent_id as "parentId", v.head_id as "headId", v.cost_centre as "costCentre",
  u.opens_on::text as "opensOn", u.closes_on::text as "closesOn", v.valid_from::text as "effectiveFrom",
  u.version::float8 as version`

/** Today, for what has no time zone of its own. */
const dayOf = (asOf: string) => `coalesce(${asOf}::date, (now() at time zone 'utc')::date)`

export const today = () => Temporal.Now.plainDateISO('UTC').toString()

/** A unit as of a date; before its first day as it opens, after its last as it was. */
export async function readOrgUnit(tx: Tx, id: string, asOf: string | null): Promise<OrgUnitView> {
  const [row] = await tx.query<OrgUnitView>(
    `select ${viewColumns} from org_unit u
     cross join lateral (
       select v.*, ${dayOf('$2')} as day from org_unit_version v
       where v.tenant = u.tenant and v.org_unit_id = u.id and v.valid_from < v.valid_to
       order by v.valid_from > ${dayOf('$2')}, abs(v.valid_from - ${dayOf('$2')}) limit 1) v
     where u.id = $1`,
    [id, asOf],
    'org_unit_read',
  )
  if (!row) throw refuse('org-unit-not-found')
  return row
}

/** All units open on a date, with the number of people in each. */
export const readOrgUnits = (tx: Tx, asOf: string): Promise<(OrgUnitView & { headcount: number })[]> =>
  tx.query(
    `with people as (
       select org_unit_id, count(*)::int as headcount from employee_version
       where org_unit_id is not null and valid_from <= $1::date and $1::date < valid_to group by org_unit_id)
     select ${viewColumns}, coalesce(people.headcount, 0) as headcount
     from org_unit u
     join org_unit_version v on v.tenant = u.tenant and v.org_unit_id = u.id
       and v.valid_from <= $1::date and $1::date < v.valid_to
     left join people on people.org_unit_id = u.id
     order by v.name, u.code`,
    [asOf],
    'org_units_read',
  )

export interface LoadedOrgUnit extends OrgUnit {
  id: string
  code: string
}

/** Locks a unit for a change by who has seen its newest version. */
export async function loadOrgUnit(tx: Tx, id: string, expectedVersion: number): Promise<LoadedOrgUnit> {
  const [[row], versions] = await Promise.all([
    tx.query<{ code: string; opensOn: string; closesOn: string | null; version: number }>(
      `select code, opens_on::text as "opensOn", closes_on::text as "closesOn", version::float8 as version
       from org_unit where id = $1 for no key update`,
      [id],
      'org_unit_lock',
    ),
    loadUnitVersions(tx, [id]),
  ])
  if (!row) throw refuse('org-unit-not-found')
  if (row.version !== expectedVersion)
    throw new DomainError('version-conflict', { detail: `The org unit is at version ${row.version}` })
  return {
    id,
    code: row.code,
    opensOn: row.opensOn,
    closesOn: row.closesOn,
    versions: versions.map(({ orgUnitId: _, ...version }) => version),
  }
}

/** Locks several units, whatever their version. */
export async function loadOrgUnits(tx: Tx, ids: readonly string[]): Promise<Map<string, LoadedOrgUnit>> {
  if (ids.length === 0) return new Map()
  const [rows, versions] = await Promise.all([
    tx.query<Omit<LoadedOrgUnit, 'versions'>>(
      `select id, code, opens_on::text as "opensOn", closes_on::text as "closesOn"
       from org_unit where id = any ($1) order by id for no key update`,
      [ids],
      'org_units_lock',
    ),
    loadUnitVersions(tx, ids),
  ])
  const versionsOf = Map.groupBy(versions, ({ orgUnitId }) => orgUnitId)
  return new Map(
    rows.map((row) => [
      row.id,
      { ...row, versions: (versionsOf.get(row.id) ?? []).map(({ orgUnitId: _, ...version }) => version) },
    ]),
  )
}

async function loadUnitVersions(
  tx: Tx,
  ids: readonly string[],
): Promise<(UnitVersion & { orgUnitId: string })[]> {
  const rows = await tx.query<UnitTerms & { orgUnitId: string; from: string; to: string | null }>(
    `select org_unit_id as "orgUnitId", valid_from::text as "from", nullif(valid_to, 'infinity')::text as "to", name,
            parent_id as "parentId", head_id as "headId", cost_centre as "costCentre"
     from org_unit_version where org_unit_id = any ($1) order by org_unit_id, valid_from`,
    [ids],
    'org_unit_versions',
  )
  return rows.map(({ orgUnitId, from, to, ...terms }) => ({ orgUnitId, from, to, terms }))
}

export async function insertOrgUnit(tx: Tx, unit: LoadedOrgUnit): Promise<void> {
  await Promise.all([
    tx.query(
      'insert into org_unit (tenant, id, code, opens_on) values ($1, $2, $3, $4)',
      [tx.tenant, unit.id, unit.code, unit.opensOn],
      'org_unit_insert',
    ),
    saveUnitVersions(tx, unit),
  ])
}

export async function updateOrgUnit(tx: Tx, unit: LoadedOrgUnit): Promise<number> {
  const [[row]] = await Promise.all([
    tx.query<{ version: number }>(
      `update org_unit set code = $2, closes_on = $3, updated_at = now(), version = version + 1 where id = $1
       returning version::float8 as version`,
      [unit.id, unit.code, unit.closesOn],
      'org_unit_update',
    ),
    saveUnitVersions(tx, unit),
  ])
  return row!.version
}

async function saveUnitVersions(tx: Tx, { id, versions }: LoadedOrgUnit): Promise<void> {
  await tx.query(
    `insert into org_unit_version (tenant, org_unit_id, valid_from, valid_to, name, parent_id, head_id, cost_centre)
     select $1, $2, * from unnest($3::date[], $4::date[], $5::text[], $6::uuid[], $7::uuid[], $8::text[])
     on conflict (tenant, org_unit_id, valid_from) do update set
       valid_to = excluded.valid_to, name = excluded.name, parent_id = excluded.parent_id,
       head_id = excluded.head_id, cost_centre = excluded.cost_centre`,
    [
      tx.tenant,
      id,
      versions.map(({ from }) => from),
      versions.map(({ to }) => to ?? 'infinity'),
      versions.map(({ terms }) => terms.name),
      versions.map(({ terms }) => terms.parentId),
      versions.map(({ terms }) => terms.headId),
      versions.map(({ terms }) => terms.costCentre),
    ],
    'org_unit_version_save',
  )
}

/** Whether people or units are in a unit on any day after a date. */
export async function isUsedAfter(tx: Tx, id: string, date: string): Promise<boolean> {
  const [row] = await tx.query<{ used: boolean }>(
    `select exists (
       select from employee_version where org_unit_id = $1 and valid_from < valid_to and valid_to > $2::date + 1
       union all
       select from org_unit_version where parent_id = $1 and valid_from < valid_to and valid_to > $2::date + 1
     ) as used`,
    [id, date],
    'org_unit_used_after',
  )
  return row!.used
}

export const positionColumns = `id, code, title, org_unit_id as "orgUnitId", open, version::float8 as version`

export async function readPosition(
  tx: Tx,
  id: string,
  lock: '' | 'for no key update' = '',
): Promise<PositionView> {
  const [row] = await tx.query<PositionView>(
    `select ${positionColumns} from position where id = $1 ${lock}`,
    [id],
    `position_read${lock && '_locked'}`,
  )
  if (!row) throw refuse('position-not-found')
  return row
}
