import type { Tx } from '#kit/tx.ts'
import type { UnitVersion } from '../domain/org-unit.ts'
import { refuse } from '../domain/refuse.ts'
import {
  alreadyRefers,
  dayBefore,
  type LocalDate,
  type ReferringField,
  type Timeline,
  type Version,
} from '../domain/timeline.ts'

/** The time in which an org unit is open. */
interface Opening {
  opensOn: LocalDate
  closesOn: LocalDate | null
}

interface Period {
  joinsOn: LocalDate
  leavesOn: LocalDate | null
}

/** What terms may refer to, as far as a change needs it. */
interface References {
  orgUnits: Map<string, Opening>
  positions: Map<string, { open: boolean }>
  managers: Map<string, Period[]>
}

const distinct = (ids: (string | null)[]) => [...new Set(ids.filter((id) => id !== null))]

async function openings(tx: Tx, ids: string[]): Promise<Map<string, Opening>> {
  if (ids.length === 0) return new Map()
  const units = await tx.query<Opening & { id: string }>(
    `select id, opens_on::text as "opensOn", closes_on::text as "closesOn" from org_unit where id = any ($1)`,
    [ids],
    'reference_org_units',
  )
  return new Map(units.map(({ id, ...opening }) => [id, opening]))
}

async function positionsOf(tx: Tx, ids: string[]): Promise<Map<string, { open: boolean }>> {
  if (ids.length === 0) return new Map()
  const positions = await tx.query<{ id: string; open: boolean }>(
    'select id, open from position where id = any ($1)',
    [ids],
    'reference_positions',
  )
  return new Map(positions.map(({ id, open }) => [id, { open }]))
}

async function employmentsOf(tx: Tx, ids: string[]): Promise<Map<string, Period[]>> {
  if (ids.length === 0) return new Map()
  const periods = await tx.query<Period & { id: string }>(
    `select employee_id as id, joins_on::text as "joinsOn", leaves_on::text as "leavesOn"
     from employment where employee_id = any ($1)`,
    [ids],
    'reference_managers',
  )
  return Map.groupBy(periods, ({ id }) => id)
}

async function loadReferences(tx: Tx, versions: readonly Version[]): Promise<References> {
  const ids = (field: ReferringField) => distinct(versions.map(({ terms }) => terms[field]))
  const [orgUnits, positions, managers] = await Promise.all([
    openings(tx, ids('orgUnitId')),
    positionsOf(tx, ids('positionId')),
    employmentsOf(tx, ids('managerId')),
  ])
  return { orgUnits, positions, managers }
}

/** Whether a time (`last` included, null: for ever) covers a version's days. */
const covers = (first: LocalDate, last: LocalDate | null, from: LocalDate, to: LocalDate | null) =>
  first <= from && (last === null || (to !== null && dayBefore(to) <= last))

const isOpen = ({ opensOn, closesOn }: Opening, from: LocalDate, to: LocalDate | null) =>
  covers(opensOn, closesOn, from, to)

/**
 * Checks what versions refer to: units open and managers employed all the time, positions that take new
 * holders. What the employee had before is not asked again.
 */
export async function checkReferences(
  tx: Tx,
  versions: readonly Version[],
  options: { before: Timeline; path: string },
): Promise<void> {
  const references = await loadReferences(tx, versions)
  for (const version of versions) {
    const { from, to, terms } = version
    if (to !== null && to <= from) continue
    const at = (field: string) => ({ pointer: `${options.path}/${field}` })
    const isNew = (field: ReferringField) => !alreadyRefers(options.before, version, field)
    const { orgUnitId, positionId, managerId } = terms
    if (orgUnitId !== null && isNew('orgUnitId')) {
      const unit = references.orgUnits.get(orgUnitId)
      if (!unit) throw refuse('reference-unknown', at('orgUnitId'))
      if (!isOpen(unit, from, to)) throw refuse('org-unit-closed', at('orgUnitId'))
    }
    if (positionId !== null && isNew('positionId')) {
      const position = references.positions.get(positionId)
      if (!position) throw refuse('reference-unknown', at('positionId'))
      if (!position.open) throw refuse('position-closed', at('positionId'))
    }
    if (managerId !== null && isNew('managerId'))
      checkManager(references.managers.get(managerId), { from, to }, at('managerId'))
  }
}

function checkManager(
  employments: Period[] | undefined,
  { from, to }: Pick<Version, 'from' | 'to'>,
  at: { pointer: string },
): void {
  if (!employments) throw refuse('reference-unknown', at)
  if (employments.some(({ joinsOn, leavesOn }) => covers(joinsOn, leavesOn, from, to))) return
  throw refuse('manager-not-employed', {
    detail: `Not employed from ${from} until ${to ?? 'open end'}`,
    ...at,
  })
}

/** Checks that the parents of a unit are open as long as it is inside them, and that its head is an employee. */
export async function checkUnitReferences(
  tx: Tx,
  { versions }: { versions: readonly UnitVersion[] },
  path: string,
): Promise<void> {
  const parents = distinct(versions.map(({ terms }) => terms.parentId))
  const heads = distinct(versions.map(({ terms }) => terms.headId))
  const [units, employees] = await Promise.all([
    openings(tx, parents),
    tx.query<{ id: string }>('select id from employee where id = any ($1)', [heads], 'reference_heads'),
  ])
  const known = new Set(employees.map(({ id }) => id))
  for (const { from, to, terms } of versions) {
    if (terms.headId !== null && !known.has(terms.headId))
      throw refuse('reference-unknown', { pointer: `${path}/headId` })
    if (terms.parentId === null || (to !== null && to <= from)) continue
    const parent = units.get(terms.parentId)
    if (!parent) throw refuse('reference-unknown', { pointer: `${path}/parentId` })
    if (!isOpen(parent, from, to)) throw refuse('org-unit-closed', { pointer: `${path}/parentId` })
  }
}
