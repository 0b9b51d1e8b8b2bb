import type { Employment, TermsChanges, Timeline } from '../domain/timeline.ts'
import { dayAfter, employmentOn, setDuring } from '../domain/timeline.ts'
import { bumpEmployees, loadTimelines, lockEmployees, saveTimelines } from '../store/timeline.ts'
import { lockTree } from '../store/tree-lock.ts'
import type { Importer, ReadRow } from './importer.ts'
import { employeesByNumber, positionsByCode, unitsByCode } from './lookups.ts'
import { covers } from './terms.ts'

interface HistoryRow {
  number: string
  startsOn: string
  endsOn: string
  orgUnit: string | null | undefined
  position: string | null | undefined
  jobTitle: string | null | undefined
}

/** What people did before: terms that applied during a time that is over. */
export const jobHistoryImporter: Importer<HistoryRow> = {
  read(cells) {
    const number = cells.required('employeeNumber', 40)
    const startsOn = cells.requiredDate('startsOn')
    const endsOn = cells.requiredDate('endsOn')
    const row = {
      orgUnit: cells.text('orgUnit', 40),
      position: cells.text('position', 40),
      jobTitle: cells.text('jobTitle', 200),
    }
    if (number === undefined || startsOn === undefined || endsOn === undefined) return undefined
    if (endsOn < startsOn) cells.error('period', 'endsOn', 'Is before the start')
    return { number, startsOn, endsOn, ...row }
  },

  async apply({ tx, import: job, rows }) {
    if (!job.dryRun) await lockTree(tx)
    const values = rows.flatMap(({ value }) => (value ? [value] : []))
    const [employees, units, positions] = await Promise.all([
      employeesByNumber(
        tx,
        values.map(({ number }) => number),
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
    const ids = [...employees.values()].map(({ id }) => id)
    if (!job.dryRun) await lockEmployees(tx, ids)
    const before = await loadTimelines(tx, ids)
    const after = new Map<string, Timeline>(before)
    for (const row of rows) {
      if (!row.value) continue
      const { value, cells } = row
      const employee = employees.get(value.number)
      if (!employee) {
        cells.error('employee-not-found', 'employeeNumber', 'Is no number of an employee')
        continue
      }
      const unit = value.orgUnit ? units.get(value.orgUnit) : undefined
      const position = value.position ? positions.get(value.position) : undefined
      if (value.orgUnit && !unit) cells.error('org-unit-not-found', 'orgUnit', 'Is no code of an org unit')
      if (unit && !covers(unit, value.startsOn, dayAfter(value.endsOn)))
        cells.error('org-unit-closed', 'orgUnit', 'The org unit was not open during that time')
      if (value.position && !position)
        cells.error('position-not-found', 'position', 'Is no code of a position')
      if (cells.failed) continue
      const timeline = after.get(employee.id)!
      if (!isWithin(row, value, timeline)) continue
      const next = setDuring(
        timeline,
        { from: value.startsOn, to: value.endsOn },
        changesOf(value, unit, position),
      )
      row.outcome = JSON.stringify(next) === JSON.stringify(timeline) ? 'unchanged' : 'changed'
      after.set(employee.id, next)
    }
    if (!job.dryRun) await save()

    async function save(): Promise<void> {
      const changes = [...after].flatMap(([employeeId, timeline]) =>
        timeline === before.get(employeeId)
          ? []
          : [{ employeeId, before: before.get(employeeId)!, after: timeline }],
      )
      const changed = changes.filter(
        (change) => JSON.stringify(change.before) !== JSON.stringify(change.after),
      )
      await saveTimelines(tx, changed)
      const versions = await bumpEmployees(
        tx,
        changed.map(({ employeeId }) => employeeId),
      )
      for (const { employeeId: id, before, after } of changed) {
        const fields = ['orgUnitId', 'positionId', 'jobTitle']
        tx.emit({ kind: 'employee-corrected', id, version: versions.get(id)!, changed: fields })
        tx.audit({ object: 'employee', id, before: summary(before), after: summary(after) })
      }
    }
  },
}

/** A time before the employment cannot be kept: what the person did elsewhere, or earlier here, is not told. */
function isWithin(row: ReadRow<HistoryRow>, { startsOn, endsOn }: HistoryRow, timeline: Timeline): boolean {
  const employment: Employment | undefined = employmentOn(timeline, startsOn)
  const first = timeline.employments[0]!.joinsOn
  if (startsOn < first) {
    row.cells.warn('before-joining', 'startsOn', `Starts before the person joined, on ${first}: not kept`)
    row.outcome = 'skipped'
    return false
  }
  if (!employment || (employment.leavesOn !== null && endsOn > employment.leavesOn)) {
    row.cells.error('outside-employment', 'endsOn', 'The person was not employed all the time')
    return false
  }
  return true
}

/** A file that names a position and no title means the title of the position. */
function changesOf(
  { jobTitle, orgUnit, position }: HistoryRow,
  unit: { id: string } | undefined,
  seat: { id: string } | undefined,
): TermsChanges {
  return {
    ...(orgUnit === undefined ? {} : { orgUnitId: unit?.id ?? null }),
    ...(position === undefined ? {} : { positionId: seat?.id ?? null }),
    ...(jobTitle === undefined ? {} : { jobTitle }),
  }
}

const summary = ({ versions }: Timeline) => ({
  versions: versions.map(({ from, terms: { orgUnitId, positionId, jobTitle } }) => ({
    from,
    orgUnitId,
    positionId,
    jobTitle,
  })),
})
