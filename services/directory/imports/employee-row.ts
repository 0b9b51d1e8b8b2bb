import { employmentType, nameOrder } from '../contract/schemas.ts'
import type { NameOrder } from '../domain/names.ts'
import type { Terms } from '../domain/timeline.ts'
import type { Import } from '../store/import.ts'
import type { Cells } from './cells.ts'

/** A row of an employees file. Undefined: the file says nothing of it; null: it says that there is none. */
export interface EmployeeRow {
  number: string
  joinsOn: string
  givenName: string
  familyName: string
  displayName: string | null | undefined
  nameOrder: NameOrder | undefined
  email: string | null | undefined
  birthDate: string | null | undefined
  phone: string | null | undefined
  orgUnit: string | null | undefined
  position: string | null | undefined
  manager: string | null | undefined
  jobTitle: string | null | undefined
  location: string | null | undefined
  costCentre: string | null | undefined
  timeZone: string | undefined
  employmentType: Terms['employmentType'] | undefined
  fte: number | undefined
}

export function readEmployeeRow(cells: Cells, { options: { defaults } }: Import): EmployeeRow | undefined {
  const number = cells.required('employeeNumber', 40)
  const joinsOn = cells.requiredDate('joinsOn')
  const givenName = cells.required('givenName', 100)
  const familyName = cells.required('familyName', 100)
  const birthDate = cells.date('birthDate')
  const row = {
    displayName: cells.text('displayName', 200),
    nameOrder: cells.oneOf('nameOrder', nameOrder.options) ?? undefined,
    email: cells.email('email'),
    birthDate,
    phone: cells.text('phone', 40),
    orgUnit: cells.text('orgUnit', 40),
    position: cells.text('position', 40),
    manager: cells.text('manager', 40),
    jobTitle: cells.text('jobTitle', 200),
    location: cells.text('location', 200) ?? defaults.location,
    costCentre: cells.text('costCentre', 40),
    timeZone: cells.timeZone('timeZone') ?? defaults.timeZone,
    employmentType: cells.oneOf('employmentType', employmentType.options) ?? defaults.employmentType,
    fte: cells.fte('fte') ?? undefined,
  }
  if (number === undefined || joinsOn === undefined || givenName === undefined || familyName === undefined)
    return undefined
  if (birthDate && birthDate >= joinsOn)
    cells.error('birth-not-before-joining', 'birthDate', 'Is not before the joining date')
  return { number, joinsOn, givenName, familyName, ...row }
}
