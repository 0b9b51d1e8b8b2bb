import type { CommandTx } from '#kit/command.ts'
import { DomainError } from '#kit/problem.ts'
import type { Scope } from '#kit/schemas.ts'
import { scopeValues } from '#kit/scope.ts'
import type { Tx } from '#kit/tx.ts'
import { refuse } from '../domain/refuse.ts'
import type { Employment, Terms, Timeline, Version } from '../domain/timeline.ts'

export interface Target {
  employeeId: string
  expectedVersion: number
  scope: Scope
}

/**
 * Locks an employee for a change and checks that the caller reaches it and has seen its newest version. `own`: whether
 * the change is one that people make for themselves.
 */
export async function lockEmployee(tx: Tx, target: Target, own: boolean): Promise<void> {
  const [row] = await tx.query<{ version: number; erased: boolean }>(
    `select version::float8 as version, erased_at is not null as erased from employee
     where id = $1 and in_scope($2, $3, id, $4) for no key update`,
    [target.employeeId, ...scopeValues(target.scope), own],
    'employee_lock',
  )
  if (!row) throw refuse('employee-not-found')
  if (row.erased) throw refuse('employee-erased')
  if (row.version !== target.expectedVersion)
    throw new DomainError('version-conflict', { detail: `The employee is at version ${row.version}` })
}

/** Locks several employees, whatever their version, so that what is read of them next stays so. */
export async function lockEmployees(tx: Tx, employeeIds: readonly string[]): Promise<void> {
  await tx.query(
    'select 1 from employee where tenant = app_tenant() and id = any ($1) order by id for no key update',
    [employeeIds],
    'employees_lock',
  )
}

interface VersionRow extends Terms {
  employeeId: string
  from: string
  to: string | null
  joinsOn: string
}

export async function loadTimelines(
  tx: Tx,
  employeeIds: readonly string[],
): Promise<Map<string, Timeline & { employments: Employment[]; versions: Version[] }>> {
  const [employments, versions] = await Promise.all([
    tx.query<Employment & { employeeId: string }>(
      `select employee_id as "employeeId", joins_on::text as "joinsOn", leaves_on::text as "leavesOn",
              leaving_reason as "leavingReason"
       from employment where employee_id = any ($1) order by employee_id, joins_on`,
      [employeeIds],
      'employment_load',
    ),
    tx.query<VersionRow>(
      `select employee_id as "employeeId", valid_from::text as "from", nullif(valid_to, 'infinity')::text as "to",
              joins_on::text as "joinsOn", org_unit_id as "orgUnitId", position_id as "positionId",
              job_title as "jobTitle", manager_id as "managerId", location, time_zone as "timeZone",
              employment_type as "employmentType", fte::float8 as fte, cost_centre as "costCentre"
       from employee_version where employee_id = any ($1) order by employee_id, valid_from`,
      [employeeIds],
      'version_load',
    ),
  ])
  const timelines = new Map<string, { employments: Employment[]; versions: Version[] }>(
    employeeIds.map((id) => [id, { employments: [], versions: [] }]),
  )
  for (const { employeeId, ...employment } of employments)
    timelines.get(employeeId)!.employments.push(employment)
  for (const { employeeId, from, to, joinsOn, ...terms } of versions)
    timelines.get(employeeId)!.versions.push({ from, to, joinsOn, terms })
  return timelines
}

export interface TimelineChange {
  employeeId: string
  before: Timeline
  after: Timeline
}

export const nothing: Timeline = { employments: [], versions: [] }
export const newTimeline = (employeeId: string, after: Timeline): TimelineChange => ({
  employeeId,
  before: nothing,
  after,
})

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

/** The versions that a change adds or alters. */
export const touched = ({ before, after }: TimelineChange): Version[] => {
  const old = new Map(before.versions.map((version) => [version.from, version]))
  return after.versions.filter((version) => !same(version, old.get(version.from)))
}

/** Writes what differs between two states, of many employees at once. */
export async function saveTimelines(tx: CommandTx, changes: readonly TimelineChange[]): Promise<void> {
  const employments = changes.flatMap((change) => {
    const old = new Map(change.before.employments.map((employment) => [employment.joinsOn, employment]))
    return change.after.employments
      .filter((employment) => !same(employment, old.get(employment.joinsOn)))
      .map((employment) => ({ employeeId: change.employeeId, ...employment }))
  })
  const versions = changes.flatMap((change) =>
    touched(change).map((version) => ({ employeeId: change.employeeId, ...version })),
  )
  const removed = changes.flatMap(({ employeeId, before, after }) => {
    const kept = new Set(after.versions.map(({ from }) => from))
    return before.versions.filter(({ from }) => !kept.has(from)).map(({ from }) => ({ employeeId, from }))
  })
  await Promise.all([
    employments.length > 0 && saveEmployments(tx, employments),
    removed.length > 0 && removeVersions(tx, removed),
    versions.length > 0 && saveVersions(tx, versions),
  ])
}

async function saveEmployments(tx: Tx, employments: readonly (Employment & { employeeId: string })[]) {
  await tx.query(
    `insert into employment (tenant, employee_id, joins_on, leaves_on, leaving_reason)
     select $1, * from unnest($2::uuid[], $3::date[], $4::date[], $5::text[])
     on conflict (tenant, employee_id, joins_on) do update
       set leaves_on = excluded.leaves_on, leaving_reason = excluded.leaving_reason`,
    [
      tx.tenant,
      employments.map((employment) => employment.employeeId),
      employments.map((employment) => employment.joinsOn),
      employments.map((employment) => employment.leavesOn),
      employments.map((employment) => employment.leavingReason),
    ],
    'employment_save',
  )
}

async function removeVersions(tx: Tx, removed: readonly { employeeId: string; from: string }[]) {
  await tx.query(
    `delete from employee_version v using unnest($1::uuid[], $2::date[]) as gone (employee_id, valid_from)
     where v.employee_id = gone.employee_id and v.valid_from = gone.valid_from`,
    [removed.map(({ employeeId }) => employeeId), removed.map(({ from }) => from)],
    'version_remove',
  )
}

async function saveVersions(tx: Tx, versions: readonly (Version & { employeeId: string })[]) {
  await tx.query(
    `insert into employee_version (tenant, employee_id, valid_from, valid_to, joins_on, org_unit_id, position_id,
       job_title, manager_id, location, time_zone, employment_type, fte, cost_centre)
     select $1, * from unnest($2::uuid[], $3::date[], $4::date[], $5::date[], $6::uuid[], $7::uuid[], $8::text[],
       $9::uuid[], $10::text[], $11::text[], $12::text[], $13::numeric[], $14::text[])
     on conflict (tenant, employee_id, valid_from) do update set
       valid_to = excluded.valid_to, joins_on = excluded.joins_on, org_unit_id = excluded.org_unit_id,
       position_id = excluded.position_id, job_title = excluded.job_title, manager_id = excluded.manager_id,
       location = excluded.location, time_zone = excluded.time_zone, employment_type = excluded.employment_type,
       fte = excluded.fte, cost_centre = excluded.cost_centre`,
    [
      tx.tenant,
      versions.map((version) => version.employeeId),
      versions.map((version) => version.from),
      versions.map((version) => version.to ?? 'infinity'),
      versions.map((version) => version.joinsOn),
      versions.map(({ terms }) => terms.orgUnitId),
      versions.map(({ terms }) => terms.positionId),
      versions.map(({ terms }) => terms.jobTitle),
      versions.map(({ terms }) => terms.managerId),
      versions.map(({ terms }) => terms.location),
      versions.map(({ terms }) => terms.timeZone),
      versions.map(({ terms }) => terms.employmentType),
      versions.map(({ terms }) => terms.fte),
      versions.map(({ terms }) => terms.costCentre),
    ],
    'version_save',
  )
}

/** The next version of an employee, its ETag. */
export async function bumpEmployee(tx: Tx, employeeId: string): Promise<number> {
  const [row] = await tx.query<{ version: number }>(
    `update employee set version = version + 1, updated_at = now() where id = $1
     returning version::float8 as version`,
    [employeeId],
    'employee_bump',
  )
  return row!.version
}

/** The next versions of several employees. */
export async function bumpEmployees(tx: Tx, employeeIds: readonly string[]): Promise<Map<string, number>> {
  if (employeeIds.length === 0) return new Map()
  const rows = await tx.query<{ id: string; version: number }>(
    `update employee set version = version + 1, updated_at = now() where tenant = app_tenant() and id = any ($1)
     returning id, version::float8 as version`,
    [employeeIds],
    'employees_bump',
  )
  return new Map(rows.map(({ id, version }) => [id, version]))
}
