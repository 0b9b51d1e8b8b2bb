import type { CommandTx } from '#kit/command.ts'
import type { Import } from '../store/import.ts'
import { bumpEmployees, loadTimelines, lockEmployees, type TimelineChange } from '../store/timeline.ts'
import { lockTree } from '../store/tree-lock.ts'
import { changeTimelines } from './employee-writes.ts'
import type { LinkIssue } from './importer.ts'
import type { Pending } from './keys.ts'
import { employeesByNumber } from './lookups.ts'
import { setFrom } from './terms.ts'

/** Sets managers whose rows stood below those of their reports. */
export async function linkManagers(
  tx: CommandTx,
  _job: Import,
  pending: readonly Pending[],
): Promise<LinkIssue[]> {
  await lockTree(tx)
  const employees = await employeesByNumber(
    tx,
    pending.flatMap(({ key, parentKey }) => [key, parentKey]),
  )
  const ids = pending.flatMap(({ key }) => employees.get(key)?.id ?? [])
  await lockEmployees(tx, ids)
  const timelines = await loadTimelines(tx, ids)
  const issues: LinkIssue[] = []
  const changes: (TimelineChange & { line: number })[] = []
  for (const { key, parentKey, line, from } of pending) {
    const employee = employees.get(key)
    if (!employee) continue
    const manager = employees.get(parentKey)
    if (!manager) {
      const detail = 'The row of the manager was not imported: the employee has none'
      issues.push({ line, rule: 'manager-not-imported', detail })
      continue
    }
    const before = timelines.get(employee.id)!
    const after = setFrom(before, from, { managerId: manager.id })
    if (after) changes.push({ line, employeeId: employee.id, before, after })
  }
  const cyclic = await changeTimelines(tx, changes)
  const done = changes.filter(({ employeeId, before, after }) => before !== after && !cyclic.has(employeeId))
  const versions = await bumpEmployees(
    tx,
    done.map(({ employeeId }) => employeeId),
  )
  for (const { employeeId: id, before, after } of done) {
    const managerOf = ({ versions }: typeof before) => ({ managerId: versions.at(-1)!.terms.managerId })
    tx.emit({ kind: 'employee-changed', id, version: versions.get(id)!, changed: ['managerId'] })
    tx.audit({ object: 'employee', id, before: managerOf(before), after: managerOf(after) })
  }
  for (const { employeeId, line } of changes)
    if (cyclic.has(employeeId))
      issues.push({ line, rule: 'reporting-cycle', detail: 'The manager reports to this employee already' })
  return issues
}
