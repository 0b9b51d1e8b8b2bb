import { randomUUIDv7 } from 'node:crypto'
import type { CommandTx } from '#kit/command.ts'
import type { Database } from '#kit/database.ts'
import { assertWholeTenant } from '#kit/scope.ts'
import { transactional } from '#kit/server.ts'
import { employeeOperations } from '../contract/employees.ts'
import { refuse } from '../domain/refuse.ts'
import {
  cancelTermination,
  correct,
  hire,
  lastEmployment,
  rehire,
  type Terms,
  type TermsChanges,
  type Timeline,
  terminate,
  update,
} from '../domain/timeline.ts'
import { reportingCycles } from '../store/cycles.ts'
import { assertInScope, type Employee, readEmployee, readHistory, toTerms } from '../store/employee.ts'
import { insertPersons, loadPersons, type Person, updatePersons } from '../store/person.ts'
import { checkReferences } from '../store/references.ts'
import { countReportsAfter } from '../store/reports.ts'
import {
  bumpEmployee,
  loadTimelines,
  lockEmployee,
  newTimeline,
  nothing,
  saveTimelines,
  type Target,
  touched,
} from '../store/timeline.ts'
import { lockTree } from '../store/tree-lock.ts'

/** Operations on one employee. */
export const employeeHandlers = (database: Database) =>
  transactional({ operations: employeeOperations }, database, {
    async hireEmployee({ person, employeeNumber, joinsOn, terms, scope }, tx) {
      assertWholeTenant(scope)
      assertBornBefore(joinsOn, person.birthDate, '/person/birthDate')
      await lockTree(tx)
      const id = randomUUIDv7()
      const timeline = hire(joinsOn, fullTerms(terms))
      await checkReferences(tx, timeline.versions, { before: nothing, path: '/terms' })
      const row = { employeeId: id, number: employeeNumber, hiredOn: joinsOn, person: fullPerson(person) }
      await Promise.all([insertPersons(tx, [row]), saveTimelines(tx, [newTimeline(id, timeline)])])
      tx.emit({ kind: 'employee-hired', id, version: 1, changed: ['joinsOn', ...given(terms)] })
      tx.audit({ object: 'employee', id, after: { employeeNumber, joinsOn, ...person, ...terms } })
      return readEmployee(tx, id, joinsOn)
    },

    getEmployee: ({ employeeId, asOf, scope }, tx) => readEmployee(tx, employeeId, asOf ?? null, scope),

    async getEmployeeHistory({ employeeId, scope }, tx) {
      const version = await assertInScope(tx, employeeId, scope)
      const { employments, versions } = await readHistory(tx, [employeeId])
      return { employeeId, employments, versions: versions.map(toTerms), version }
    },

    changeEmployee: ({ effectiveFrom, changes, ...target }, tx) =>
      changeTerms(tx, target, effectiveFrom, changes, '/changes', (timeline) =>
        update(timeline, effectiveFrom, changes),
      ),

    correctEmployee: ({ effectiveFrom, changes, ...target }, tx) =>
      changeTerms(tx, target, effectiveFrom, changes, '/changes', (timeline) =>
        correct(timeline, effectiveFrom, changes),
      ),

    transferEmployee: ({ effectiveFrom, to, ...target }, tx) =>
      changeTerms(tx, target, effectiveFrom, to, '/to', (timeline) => update(timeline, effectiveFrom, to)),

    async changePerson({ changes, ...target }, tx) {
      const { employeeId: id } = target
      await lockEmployee(tx, target, true)
      const row = (await loadPersons(tx, [id])).get(id)!
      const person = { ...row.person, ...withoutAbsent(changes) }
      assertBornBefore(row.hiredOn, person.birthDate, '/changes/birthDate')
      const [version] = await Promise.all([bumpEmployee(tx, id), updatePersons(tx, [{ ...row, person }])])
      const changed = given(changes)
      tx.emit({ kind: 'person-changed', id, version, changed })
      tx.audit({ object: 'employee', id, before: pick(row.person, changed), after: pick(person, changed) })
      return readEmployee(tx, id, null)
    },

    async terminateEmployee({ leavesOn, reason, ...target }, tx) {
      const { employeeId: id } = target
      await lockTree(tx)
      await lockEmployee(tx, target, false)
      const before = await loadTimeline(tx, id)
      const after = terminate(before, leavesOn, reason)
      const reports = await countReportsAfter(tx, id, leavesOn)
      if (reports.count > 0)
        throw refuse('has-reports', {
          detail: `${reports.count} would have no manager after ${leavesOn}`,
          reports: reports.some,
        })
      await saveTimelines(tx, [{ employeeId: id, before, after }])
      const version = await bumpEmployee(tx, id)
      tx.emit({ kind: 'employee-terminated', id, version, changed: ['leavesOn', 'leavingReason'] })
      tx.audit({ object: 'employee', id, after: { leavesOn, leavingReason: reason } })
      return readEmployee(tx, id, leavesOn)
    },

    async cancelTermination(target, tx) {
      const { employeeId: id } = target
      await lockTree(tx)
      await lockEmployee(tx, target, false)
      const before = await loadTimeline(tx, id)
      const after = cancelTermination(before)
      await replaceTimeline(tx, id, before, after, '/terms')
      const version = await bumpEmployee(tx, id)
      const { leavesOn, leavingReason } = lastEmployment(before)
      tx.emit({ kind: 'termination-cancelled', id, version, changed: ['leavesOn', 'leavingReason'] })
      tx.audit({
        object: 'employee',
        id,
        before: { leavesOn, leavingReason },
        after: { leavesOn: null, leavingReason: null },
      })
      return readEmployee(tx, id, null)
    },

    async rehireEmployee({ joinsOn, terms, ...target }, tx) {
      const { employeeId: id } = target
      await lockTree(tx)
      await lockEmployee(tx, target, false)
      const before = await loadTimeline(tx, id)
      await replaceTimeline(tx, id, before, rehire(before, joinsOn, fullTerms(terms)), '/terms')
      const version = await bumpEmployee(tx, id)
      tx.emit({ kind: 'employee-rehired', id, version, changed: ['joinsOn', ...given(terms)] })
      tx.audit({ object: 'employee', id, after: { joinsOn, ...terms } })
      return readEmployee(tx, id, joinsOn)
    },
  })

/** A change of terms, by update or correction, from a date on. */
async function changeTerms(
  tx: CommandTx,
  target: Target,
  effectiveFrom: string,
  changes: TermsChanges,
  path: string,
  decide: (timeline: Timeline) => Timeline,
): Promise<Employee> {
  const { employeeId: id } = target
  if (changes.managerId !== undefined || changes.orgUnitId !== undefined) await lockTree(tx)
  await lockEmployee(tx, target, false)
  const before = await loadTimeline(tx, id)
  const after = decide(before)
  await replaceTimeline(tx, id, before, after, path)
  const version = await bumpEmployee(tx, id)
  const changed = given(changes)
  const kind = tx.call.operation === 'correctEmployee' ? 'employee-corrected' : 'employee-changed'
  tx.emit({ kind, id, version, changed })
  const termsOf = (timeline: Timeline) => {
    const version = timeline.versions.findLast(({ from }) => from <= effectiveFrom)!
    return { effectiveFrom, ...pick(version.terms, changed) }
  }
  tx.audit({ object: 'employee', id, before: termsOf(before), after: termsOf(after) })
  return readEmployee(tx, id, effectiveFrom)
}

const loadTimeline = async (tx: CommandTx, id: string): Promise<Timeline> =>
  (await loadTimelines(tx, [id])).get(id)!

/** Saves a new state of the timeline if what its changed versions refer to is there and nobody ends up above himself. */
async function replaceTimeline(
  tx: CommandTx,
  id: string,
  before: Timeline,
  after: Timeline,
  path: string,
): Promise<void> {
  const change = { employeeId: id, before, after }
  const versions = touched(change)
  await checkReferences(tx, versions, { before, path })
  if (versions.some(({ terms }) => terms.managerId === id))
    throw refuse('reporting-cycle', { pointer: `${path}/managerId` })
  await saveTimelines(tx, [change])
  const [cycle] = await reportingCycles(tx, [id])
  if (cycle)
    throw refuse('reporting-cycle', {
      detail: `The manager would report to this employee on ${cycle.date}`,
      pointer: `${path}/managerId`,
    })
}

function assertBornBefore(joinsOn: string, birthDate: string | null | undefined, pointer: string): void {
  if (birthDate && birthDate >= joinsOn) throw refuse('birth-not-before-joining', { pointer })
}

/** Terms with what the input left out. */
const fullTerms = (terms: TermsChanges & Pick<Terms, 'timeZone' | 'employmentType' | 'fte'>): Terms => ({
  orgUnitId: null,
  positionId: null,
  jobTitle: null,
  managerId: null,
  location: null,
  costCentre: null,
  ...withoutAbsent(terms),
})

const fullPerson = (
  person: { [K in keyof Person]?: Person[K] | undefined } & Pick<
    Person,
    'givenName' | 'familyName' | 'nameOrder'
  >,
): Person => ({ displayName: null, email: null, birthDate: null, phone: null, ...withoutAbsent(person) })

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Fields that were not given stay away, so that they overwrite nothing. */
function withoutAbsent<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>
}

const given = (fields: object) =>
  Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [name]))

const pick = (fields: object, names: readonly string[]) =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)))
