import type { CommandTx } from '#kit/command.ts'
import { hire, type Terms, type TermsChanges, type Timeline } from '../domain/timeline.ts'
import { reportingCycles } from '../store/cycles.ts'
import { insertPersons, type Person, type PersonRow, updatePersons } from '../store/person.ts'
import { bumpEmployees, newTimeline, saveTimelines, type TimelineChange } from '../store/timeline.ts'
import type { EmployeeRow } from './employee-row.ts'
import type { ReadRow } from './importer.ts'
import { setFrom } from './terms.ts'

/** What is to become of one row. */
export interface Decision {
  row: ReadRow<EmployeeRow>
  value: EmployeeRow
  employeeId: string
  /** Since when the terms apply. */
  from: string
  terms: TermsChanges
  person: Person
  /** Absent: a new employee. */
  before: { person: PersonRow; timeline: Timeline } | undefined
}

/** Writes a batch of rows, under the tree lock. */
export async function writeDecisions(tx: CommandTx, decisions: readonly Decision[]): Promise<void> {
  const created = decisions.filter(({ row }) => row.outcome === 'created')
  const changed = decisions.filter(({ row }) => row.outcome === 'changed')
  await Promise.all([writeCreated(tx, created), writeChanged(tx, changed)])
}

async function writeCreated(tx: CommandTx, created: readonly Decision[]): Promise<void> {
  if (created.length === 0) return
  for (const { employeeId: id, value, person, terms } of created) {
    const after = { employeeNumber: value.number, joinsOn: value.joinsOn, ...person, ...terms }
    tx.emit({ kind: 'employee-hired', id, version: 1, changed: ['joinsOn', ...Object.keys(terms)] })
    tx.audit({ object: 'employee', id, after })
  }
  await Promise.all([
    insertPersons(
      tx,
      created.map(({ employeeId, value, person }) => ({
        employeeId,
        number: value.number,
        hiredOn: value.joinsOn,
        person,
      })),
    ),
    saveTimelines(
      tx,
      // A decision to hire has all terms.
      created.map(({ employeeId, from, terms }) => newTimeline(employeeId, hire(from, terms as Terms))),
    ),
  ])
}

async function writeChanged(tx: CommandTx, changed: readonly Decision[]): Promise<void> {
  if (changed.length === 0) return
  const kept = await changeTerms(tx, changed)
  const persons = kept.filter(
    ({ person, before }) => JSON.stringify(person) !== JSON.stringify(before!.person.person),
  )
  const [versions] = await Promise.all([
    bumpEmployees(
      tx,
      kept.map(({ employeeId }) => employeeId),
    ),
    updatePersons(
      tx,
      persons.map(({ person, before }) => ({ ...before!.person, person })),
    ),
  ])
  for (const decision of kept) record(tx, decision, versions.get(decision.employeeId)!)
}

/** Changes terms, save those that would put someone above himself; answers with the rows that were changed. */
async function changeTerms(tx: CommandTx, changed: readonly Decision[]): Promise<Decision[]> {
  const cyclic = await changeTimelines(
    tx,
    changed.map(({ employeeId, from, terms, before }) => ({
      employeeId,
      before: before!.timeline,
      after: setFrom(before!.timeline, from, terms)!,
    })),
  )
  return changed.filter(({ employeeId, row }) => {
    if (cyclic.has(employeeId))
      row.cells.error('reporting-cycle', 'manager', 'Reports to this employee already')
    return !cyclic.has(employeeId)
  })
}

/** A dry run: circles through people who are not in the file show only when the changes have been made. */
export async function tryDecisions(tx: CommandTx, decisions: readonly Decision[]): Promise<void> {
  const moved = decisions.filter(({ row, terms }) => row.outcome === 'changed' && terms.managerId)
  if (moved.length === 0) return
  await tx.query('savepoint dry_run')
  await changeTerms(tx, moved)
  await tx.query('rollback to savepoint dry_run')
}

/** Saves timelines save those that would put someone above himself; answers with whose they are. */
export async function changeTimelines(
  tx: CommandTx,
  changes: readonly TimelineChange[],
): Promise<Set<string>> {
  const moved = changes.filter(({ before, after }) => before !== after)
  await saveTimelines(tx, moved)
  const cycles = await reportingCycles(
    tx,
    moved.map(({ employeeId }) => employeeId),
  )
  const cyclic = new Set(cycles.map(({ id }) => id))
  await saveTimelines(
    tx,
    moved
      .filter(({ employeeId }) => cyclic.has(employeeId))
      .map(({ employeeId, before, after }) => ({ employeeId, before: after, after: before })),
  )
  return cyclic
}

/** Emits and audits what differs. */
function record(tx: CommandTx, { employeeId: id, before, person, terms, from }: Decision, version: number) {
  const old: Record<string, unknown> = { ...before!.person.person, ...termsOn(before!.timeline, from) }
  const now: Record<string, unknown> = { ...person, ...terms }
  const changed = Object.keys(now).filter((name) => now[name] !== old[name])
  tx.emit({ kind: 'employee-changed', id, version, changed })
  const pick = (fields: Record<string, unknown>) =>
    Object.fromEntries(changed.map((name) => [name, fields[name] ?? null]))
  tx.audit({ object: 'employee', id, before: pick(old), after: { effectiveFrom: from, ...pick(now) } })
}

const termsOn = ({ versions }: Timeline, date: string) =>
  versions.findLast((version) => version.from <= date)?.terms
