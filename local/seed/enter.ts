import { setTimeout as sleep } from 'node:timers/promises'
import type { Change, NewTerms } from './biographies.ts'
import { all, type Clients } from './client.ts'
import type { Company } from './company.ts'
import { csv } from './csv.ts'

type Directory = Clients['directory']
type Version = { id: string; version: number }

const scope = { reach: 'all' } as const

/** Imports units, positions and people, then enters their changes. Gives the employees by their numbers. */
export async function enter(company: Company, directory: Directory): Promise<Map<string, Version>> {
  const { units, positions, people, opensOn } = company
  await load(directory, 'org-units', csv(['code', 'name', 'parent', 'costCentre'], units), { opensOn })
  await load(directory, 'positions', csv(['code', 'title', 'orgUnit'], positions))
  const columns = [
    'employeeNumber',
    'givenName',
    'familyName',
    'displayName',
    'nameOrder',
    'email',
    'phone',
    'birthDate',
    'joinsOn',
    'orgUnit',
    'position',
    'manager',
    'location',
    'timeZone',
    'employmentType',
    'fte',
    'costCentre',
  ] as const
  await load(
    directory,
    'employees',
    csv(
      columns,
      people.map(({ number, ...person }) => ({ employeeNumber: number, ...person })),
    ),
  )

  const known = await readBack(directory)
  for (const change of company.changes) {
    const before = known.employees.get(change.who)!
    const { version } = await apply(directory, change, before, known, company)
    known.employees.set(change.who, { id: before.id, version })
  }
  return known.employees
}

type Kind = Parameters<Directory['createImport']>[0]['kind']

async function load(directory: Directory, kind: Kind, file: string, defaults: { opensOn?: string } = {}) {
  const { id: importId } = await directory.createImport({ kind, options: { dryRun: false, defaults }, scope })
  await directory.uploadImportFile({ importId }, { body: new Blob([file]).stream(), step: importId })
  await directory.startImport({ importId, scope }, { step: importId })
  for (;;) {
    const { state, progress, failure } = await directory.getImport({ importId, scope })
    if (state === 'completed' && progress.failed === 0) return
    if (state === 'completed' || state === 'failed' || state === 'cancelled') {
      const { items } = await directory.listImportErrors({ importId, severity: 'error', limit: 3, scope })
      throw new Error(`The import of ${kind} ${state}: ${JSON.stringify(failure ?? items)}`)
    }
    await sleep(20)
  }
}

interface Known {
  units: Map<string, string>
  positions: Map<string, string>
  employees: Map<string, Version>
}

/** The ids that the system gave. */
async function readBack(directory: Directory): Promise<Known> {
  const [tree, positions, employees] = await Promise.all([
    directory.getOrgTree({ scope }),
    all((cursor) => directory.listPositions({ limit: 200, scope, ...cursor })),
    all((cursor) =>
      directory.searchEmployees({
        filters: { status: ['active', 'pending', 'terminated'] },
        limit: 200,
        scope,
        ...cursor,
      }),
    ),
  ])
  return {
    units: new Map(tree.units.map(({ code, id }) => [code, id])),
    positions: new Map(positions.map(({ code, id }) => [code, id])),
    employees: new Map(employees.map(({ employeeNumber, id, version }) => [employeeNumber, { id, version }])),
  }
}

function apply(
  directory: Directory,
  change: Change,
  { id: employeeId, version: expectedVersion }: Version,
  known: Known,
  company: Company,
): Promise<{ version: number }> {
  const target = { employeeId, expectedVersion, scope }
  switch (change.do) {
    case 'change':
      return directory.changeEmployee({
        ...target,
        effectiveFrom: change.on,
        changes: termsOf(change.to, known),
      })
    case 'transfer':
      return directory.transferEmployee({
        ...target,
        effectiveFrom: change.on,
        to: placeOf(change.to, known),
      })
    case 'terminate':
      return directory.terminateEmployee({ ...target, leavesOn: change.on, reason: change.reason })
    case 'rehire': {
      const { timeZone, location, ...before } = company.people.find(({ number }) => number === change.who)!
      const terms = { ...termsOf(before, known), timeZone, location }
      return directory.rehireEmployee({ ...target, joinsOn: change.on, terms })
    }
  }
}

/** Codes and numbers as the ids behind them. */
function placeOf({ orgUnit, position, manager, costCentre }: NewTerms, known: Known) {
  return {
    ...(orgUnit && { orgUnitId: known.units.get(orgUnit)! }),
    ...(position && { positionId: known.positions.get(position)! }),
    ...(manager && { managerId: known.employees.get(manager)!.id }),
    ...(costCentre && { costCentre }),
  }
}

const termsOf = ({ fte, employmentType, ...place }: NewTerms, known: Known) => ({
  ...placeOf(place, known),
  ...(fte && { fte }),
  ...(employmentType && { employmentType }),
})
