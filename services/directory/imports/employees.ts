import { randomUUIDv7 } from 'node:crypto'
import type { Tx } from '#kit/tx.ts'
import { type LocalDate, lastEmployment, type Terms, type Timeline, versionOn } from '../domain/timeline.ts'
import type { Import } from '../store/import.ts'
import { loadPersons, type Person, type PersonRow } from '../store/person.ts'
import { loadTimelines, lockEmployees } from '../store/timeline.ts'
import { lockTree } from '../store/tree-lock.ts'
import { type EmployeeRow, readEmployeeRow } from './employee-row.ts'
import { type Decision, tryDecisions, writeDecisions } from './employee-writes.ts'
import type { Batch, Importer, ReadRow } from './importer.ts'
import { linkManagers } from './link-managers.ts'
import { type EmployeeRef, employeesByNumber, positionsByCode, type UnitRef, unitsByCode } from './lookups.ts'
import { covers, setFrom } from './terms.ts'

type Row = ReadRow<EmployeeRow>

/** Employees: who isn't known by number is hired, who is gets what differs. */
export const employeeImporter: Importer<EmployeeRow> = {
  read: readEmployeeRow,
  keyOf: ({ number, manager, joinsOn }) => ({ key: number, parentKey: manager ?? null, startsOn: joinsOn }),
  keyFields: { key: 'employeeNumber', parent: 'manager' },
  async apply(batch) {
    if (!batch.import.dryRun) await lockTree(batch.tx)
    const known = await lookUp(batch)
    const decisions: Decision[] = []
    for (const row of batch.rows) {
      if (row.value === undefined) continue
      const decision = decide(row, row.value, known, batch)
      if (decision && !row.cells.failed) decisions.push(decision)
    }
    assignManagers(decisions, known)
    for (const decision of decisions) decision.row.outcome = outcomeOf(decision)
    await (batch.import.dryRun ? tryDecisions : writeDecisions)(batch.tx, decisions)
  },
  link: linkManagers,
}

interface Known {
  employees: Map<string, EmployeeRef>
  persons: Map<string, PersonRow>
  timelines: Map<string, Timeline>
  units: Map<string, UnitRef>
  positions: Map<string, { id: string; open: boolean }>
}

async function lookUp({ tx, rows, import: { dryRun } }: Batch<EmployeeRow>): Promise<Known> {
  const values = rows.flatMap(({ value }) => (value ? [value] : []))
  const [employees, units, positions] = await Promise.all([
    employeesByNumber(
      tx,
      values.flatMap(({ number, manager }) => [number, manager]),
    ),
    unitsByCode(
      tx,
      values.map(({ orgUnit }) => orgUnit),
    ),
    positionsByCode(
      tx,
      values.map(({ position }) => position),
    ),
  ])
  const ids = values.flatMap(({ number }) => employees.get(number)?.id ?? [])
  if (!dryRun) await lockEmployees(tx, ids)
  const [persons, timelines] = await existing(tx, ids)
  return { employees, units, positions, persons, timelines }
}

const existing = (tx: Tx, ids: string[]) =>
  ids.length === 0
    ? ([new Map<string, PersonRow>(), new Map<string, Timeline>()] as const)
    : Promise.all([loadPersons(tx, ids), loadTimelines(tx, ids)])

/** What is to become of a row, its manager left out; undefined if it breaks a rule. */
function decide(row: Row, value: EmployeeRow, known: Known, batch: Batch<EmployeeRow>): Decision | undefined {
  const { cells } = row
  const found = known.employees.get(value.number)
  const from = found ? dateOfChange(known.timelines.get(found.id)!, batch.import) : value.joinsOn
  const held = found && termsAround(known.timelines.get(found.id)!, from)
  checkManager(row, value, held, known, batch)
  const orgUnitId = unitOf(row, value, held, known, from)
  const positionId = positionOf(row, value, held, known)
  if (!found && value.timeZone === undefined)
    cells.error('required', 'timeZone', 'Is needed: give a column, or the default timeZone')
  if (cells.failed) return undefined

  const given = {
    orgUnitId,
    positionId,
    jobTitle: value.jobTitle,
    location: value.location,
    timeZone: value.timeZone,
    employmentType: value.employmentType,
    fte: value.fte,
    costCentre: value.costCentre,
  }
  if (!found)
    return {
      row,
      value,
      employeeId: randomUUIDv7(),
      from,
      terms: { ...noTerms, ...present(given) },
      before: undefined,
      person: { ...noPerson, ...present(personOf(value)) },
    }
  const person = known.persons.get(found.id)!
  const timeline = known.timelines.get(found.id)!
  if (!timeline.employments.some(({ joinsOn }) => joinsOn === value.joinsOn))
    return cells.error('joining-date-differs', 'joinsOn', `The employee joined on ${person.hiredOn}`)
  return {
    row,
    value,
    employeeId: found.id,
    from,
    terms: present(given),
    before: { person, timeline },
    person: { ...person.person, ...present(personOf(value)) },
  }
}

/** Changed rows apply from the day of the import on; for who joins later, from the first day on. */
function dateOfChange(timeline: Timeline, { options, createdOn }: Import): LocalDate {
  const from = options.effectiveFrom ?? createdOn
  const { joinsOn } = lastEmployment(timeline)
  return versionOn(timeline, from) || from >= joinsOn ? from : joinsOn
}

/** What the employee has on a date or, if not employed then, had last: to keep it breaks no rule. */
const termsAround = (timeline: Timeline, date: LocalDate): Terms | undefined =>
  (versionOn(timeline, date) ?? timeline.versions.findLast(({ from }) => from <= date))?.terms

/** A manager must be in the file or known already, and stay. That he joined later is odd, and happens. */
function checkManager(
  { cells }: Row,
  { manager, joinsOn }: EmployeeRow,
  held: Terms | undefined,
  { employees }: Known,
  batch: Batch<EmployeeRow>,
): void {
  if (!manager) return
  const known = employees.get(manager)
  const startsOn = known?.hiredOn ?? batch.keys.get(manager)?.startsOn
  if (!startsOn) cells.error('manager-not-found', 'manager', 'Is neither in the file nor known')
  else if (known && known.leavesOn !== null && held?.managerId !== known.id)
    cells.error('manager-not-employed', 'manager', `The manager leaves on ${known.leavesOn}`)
  else if (startsOn > joinsOn)
    cells.warn('hired-before-manager', 'manager', `The manager joined later, on ${startsOn}`)
}

function unitOf(
  { cells }: Row,
  { orgUnit }: EmployeeRow,
  held: Terms | undefined,
  { units }: Known,
  from: LocalDate,
) {
  if (!orgUnit) return orgUnit
  const unit = units.get(orgUnit)
  if (!unit) return cells.error('org-unit-not-found', 'orgUnit', 'Is no code of an org unit')
  if (held?.orgUnitId !== unit.id && !covers(unit, from, null))
    return cells.error('org-unit-closed', 'orgUnit', `The org unit is not open from ${from} on`)
  return unit.id
}

function positionOf(
  { cells }: Row,
  { position }: EmployeeRow,
  held: Terms | undefined,
  { positions }: Known,
) {
  if (!position) return position
  const found = positions.get(position)
  if (!found) return cells.error('position-not-found', 'position', 'Is no code of a position')
  if (held?.positionId !== found.id && !found.open)
    return cells.error('position-closed', 'position', 'The position takes no new holder')
  return found.id
}

/** Managers by id: known ones, and those that this batch hires; others are set when the whole file is in. */
function assignManagers(decisions: readonly Decision[], known: Known): void {
  const hired = new Map(
    decisions.flatMap(({ before, value, employeeId }) => (before ? [] : [[value.number, employeeId]])),
  )
  for (const decision of decisions) {
    const { manager } = decision.value
    if (manager === undefined) continue
    const managerId = manager === null ? null : (known.employees.get(manager)?.id ?? hired.get(manager))
    if (managerId === undefined) decision.row.pendingFrom = decision.from
    else decision.terms = { ...decision.terms, managerId }
  }
}

function outcomeOf({ before, person, terms, from, row }: Decision): Row['outcome'] {
  if (!before) return 'created'
  const { timeline } = before
  const next = setFrom(timeline, from, terms)
  if (next === undefined) {
    row.cells.error('outside-employment', null, `The person is not employed on ${from}`)
    return 'failed'
  }
  const samePerson = JSON.stringify(person) === JSON.stringify(before.person.person)
  return samePerson && next === timeline && row.pendingFrom === null ? 'unchanged' : 'changed'
}

const noPerson: Omit<Person, 'givenName' | 'familyName'> = {
  nameOrder: 'given-first',
  displayName: null,
  email: null,
  birthDate: null,
  phone: null,
}

/** Without a time zone no row gets as far as here. */
const noTerms: Omit<Terms, 'timeZone'> = {
  orgUnitId: null,
  positionId: null,
  jobTitle: null,
  managerId: null,
  location: null,
  employmentType: 'permanent',
  fte: 1,
  costCentre: null,
}

const personOf = ({
  givenName,
  familyName,
  displayName,
  nameOrder,
  email,
  birthDate,
  phone,
}: EmployeeRow) => ({
  givenName,
  familyName,
  displayName,
  nameOrder,
  email,
  birthDate,
  phone,
})

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Without the fields that the file says nothing of. */
function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>
}
