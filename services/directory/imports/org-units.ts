import { randomUUIDv7 } from 'node:crypto'
import type { CommandTx } from '#kit/command.ts'
import type { Tx } from '#kit/tx.ts'
import { change, open, type UnitTerms } from '../domain/org-unit.ts'
import { orgUnitCycles } from '../store/cycles.ts'
import type { Import } from '../store/import.ts'
import { insertOrgUnit, type LoadedOrgUnit, loadOrgUnits, updateOrgUnit } from '../store/org-unit.ts'
import { lockTree } from '../store/tree-lock.ts'
import type { Batch, Importer, LinkIssue, ReadRow } from './importer.ts'
import type { Pending } from './keys.ts'
import { type EmployeeRef, employeesByNumber, unitsByCode } from './lookups.ts'

interface UnitRow {
  code: string
  name: string
  parent: string | null | undefined
  head: string | null | undefined
  costCentre: string | null | undefined
  /** As the file says, not by default. */
  givenOpening: string | null | undefined
  opensOn: string
}

/** Units of a company that doesn't say when it opened them have always been there. */
const longAgo = '1900-01-01'

/** Org units by code. */
export const orgUnitImporter: Importer<UnitRow> = {
  read(cells, { options }) {
    const code = cells.required('code', 40)
    const name = cells.required('name', 200)
    const givenOpening = cells.date('opensOn')
    const row = {
      parent: cells.text('parent', 40),
      head: cells.text('head', 40),
      costCentre: cells.text('costCentre', 40),
    }
    if (code === undefined || name === undefined) return undefined
    return { code, name, ...row, givenOpening, opensOn: givenOpening ?? options.defaults.opensOn ?? longAgo }
  },
  keyOf: ({ code, parent, opensOn }) => ({ key: code, parentKey: parent ?? null, startsOn: opensOn }),
  keyFields: { key: 'code', parent: 'parent' },

  async apply(batch) {
    const { tx, rows, import: job } = batch
    if (!job.dryRun) await lockTree(tx)
    const values = rows.flatMap(({ value }) => (value ? [value] : []))
    const [units, heads] = await Promise.all([
      unitsByCode(
        tx,
        values.flatMap(({ code, parent }) => [code, parent]),
      ),
      employeesByNumber(
        tx,
        values.map(({ head }) => head),
      ),
    ])
    const known = await loadOrgUnits(
      tx,
      values.flatMap(({ code }) => units.get(code)?.id ?? []),
    )
    const ids = new Map([...units].map(([code, { id }]) => [code, id]))
    for (const row of rows) {
      if (!row.value) continue
      check(row, row.value, batch, units, heads)
      if (row.cells.failed) continue
      const before = known.get(ids.get(row.value.code) ?? '')
      if (before) await changeUnit(batch, row, row.value, before, ids, heads)
      else {
        const id = await createUnit(batch, row, row.value, ids, heads)
        ids.set(row.value.code, id)
      }
    }
  },

  link: linkParents,
}

function check(
  { cells }: ReadRow<UnitRow>,
  { parent, head, opensOn }: UnitRow,
  { keys }: Batch<UnitRow>,
  units: ReadonlyMap<string, { opensOn: string }>,
  heads: ReadonlyMap<string, EmployeeRef>,
): void {
  if (head && !heads.has(head))
    cells.warn('head-not-found', 'head', 'Is no number of an employee yet: import the units again later')
  if (!parent) return
  const opening = units.get(parent)?.opensOn ?? keys.get(parent)?.startsOn
  if (!opening) cells.error('parent-not-found', 'parent', 'Is neither in the file nor known')
  else if (opening > opensOn)
    cells.error('org-unit-closed', 'parent', `The unit above opens later, on ${opening}`)
}

/** What the file says, by id; what it doesn't say is left out, and a parent that isn't there yet. */
function termsOf(
  row: ReadRow<UnitRow>,
  { name, parent, head, costCentre }: UnitRow,
  from: string,
  ids: ReadonlyMap<string, string>,
  heads: ReadonlyMap<string, EmployeeRef>,
): Partial<UnitTerms> {
  const parentId = parent ? ids.get(parent) : parent
  if (parent && parentId === undefined) row.pendingFrom = from
  const headId = head ? heads.get(head)?.id : head
  return Object.fromEntries(
    Object.entries({ name, parentId, headId, costCentre }).filter(([, value]) => value !== undefined),
  )
}

async function createUnit(
  { tx, import: job }: Batch<UnitRow>,
  row: ReadRow<UnitRow>,
  value: UnitRow,
  ids: ReadonlyMap<string, string>,
  heads: ReadonlyMap<string, EmployeeRef>,
): Promise<string> {
  const id = randomUUIDv7()
  const { code, name, opensOn } = value
  const terms = {
    name,
    parentId: null,
    headId: null,
    costCentre: null,
    ...termsOf(row, value, opensOn, ids, heads),
  }
  row.outcome = 'created'
  if (job.dryRun) return id
  await insertOrgUnit(tx, { id, code, ...open(opensOn, terms) })
  tx.emit({ kind: 'org-unit-created', id, version: 1, changed: ['code', 'opensOn', ...Object.keys(terms)] })
  tx.audit({ object: 'org-unit', id, after: { code, opensOn, ...terms } })
  return id
}

async function changeUnit(
  { tx, import: job }: Batch<UnitRow>,
  row: ReadRow<UnitRow>,
  value: UnitRow,
  before: LoadedOrgUnit,
  ids: ReadonlyMap<string, string>,
  heads: ReadonlyMap<string, EmployeeRef>,
): Promise<void> {
  if (value.givenOpening && value.givenOpening !== before.opensOn)
    return row.cells.error('opening-date-differs', 'opensOn', `The unit opens on ${before.opensOn}`)
  const from = dateOfChange(before, job)
  const terms = termsOf(row, value, from, ids, heads)
  const old = before.versions.findLast((version) => version.from <= from)!.terms
  const changed = Object.entries(terms).filter(([name, now]) => old[name as keyof UnitTerms] !== now)
  if (changed.length === 0 && row.pendingFrom === null) return
  if (before.closesOn !== null && from > before.closesOn)
    return row.cells.error('org-unit-closed', null, `The unit is closed since ${before.closesOn}`)
  row.outcome = 'changed'
  if (!job.dryRun && !(await saveChange(tx, before, from, Object.fromEntries(changed))))
    row.cells.error('org-unit-cycle', 'parent', 'Is inside this unit')
}

const dateOfChange = ({ opensOn }: LoadedOrgUnit, { options, createdOn }: Import): string => {
  const from = options.effectiveFrom ?? createdOn
  return from < opensOn ? opensOn : from
}

/** Saves a change; false, and nothing changed, if the unit would be inside itself. */
async function saveChange(
  tx: CommandTx,
  before: LoadedOrgUnit,
  from: string,
  changes: Partial<UnitTerms>,
): Promise<boolean> {
  if (Object.keys(changes).length === 0) return true
  await tx.query('savepoint unit')
  const version = await updateOrgUnit(tx, { ...before, ...change(before, from, changes) })
  if (await isCyclic(tx, before.id)) {
    await tx.query('rollback to savepoint unit')
    return false
  }
  const old = before.versions.findLast((one) => one.from <= from)!.terms
  const changed = Object.keys(changes)
  tx.emit({ kind: 'org-unit-changed', id: before.id, version, changed })
  tx.audit({
    object: 'org-unit',
    id: before.id,
    before: Object.fromEntries(changed.map((name) => [name, old[name as keyof UnitTerms]])),
    after: { effectiveFrom: from, ...changes },
  })
  return true
}

const isCyclic = async (tx: Tx, id: string): Promise<boolean> => (await orgUnitCycles(tx, [id])).length > 0

/** Sets parents whose rows stood below those of their units. */
async function linkParents(tx: CommandTx, _job: Import, pending: readonly Pending[]): Promise<LinkIssue[]> {
  await lockTree(tx)
  const units = await unitsByCode(
    tx,
    pending.flatMap(({ key, parentKey }) => [key, parentKey]),
  )
  const loaded = await loadOrgUnits(
    tx,
    pending.flatMap(({ key }) => units.get(key)?.id ?? []),
  )
  const issues: LinkIssue[] = []
  for (const { key, parentKey, line, from } of pending) {
    const unit = loaded.get(units.get(key)?.id ?? '')
    const parent = units.get(parentKey)
    if (!unit) continue
    if (!parent)
      issues.push({ line, rule: 'parent-not-imported', detail: 'The row of the unit above was not imported' })
    else if (unit.versions.findLast((version) => version.from <= from)?.terms.parentId === parent.id) continue
    else if (!(await saveChange(tx, unit, from, { parentId: parent.id })))
      issues.push({ line, rule: 'org-unit-cycle', detail: 'The unit above is inside this unit' })
  }
  return issues
}
