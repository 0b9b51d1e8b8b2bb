import { importFields } from '../contract/imports.ts'
import type { ImportKind } from '../store/import.ts'
import { FileProblem } from './file-problem.ts'

/** Without these columns no row of the kind makes sense. */
const needed: Record<ImportKind, readonly string[]> = {
  'org-units': ['code', 'name'],
  positions: ['code', 'title'],
  employees: ['employeeNumber', 'givenName', 'familyName', 'joinsOn'],
  'job-history': ['employeeNumber', 'startsOn', 'endsOn'],
}

export interface Columns {
  /** How many a record has. */
  width: number
  /** Field → where it stands in a record, and what its header is called. */
  fields: ReadonlyMap<string, { index: number; header: string }>
  /** Headers that no field takes. */
  ignored: string[]
}

/** Finds the fields by their headers: mapped by name, or called like the field. */
export function readHeader(
  kind: ImportKind,
  mapping: Readonly<Record<string, string>>,
  record: readonly string[],
): Columns {
  const headers = record.map((header) => header.trim())
  const twice = headers.filter((header, index) => header !== '' && headers.indexOf(header) !== index)
  if (twice.length > 0)
    throw new FileProblem('duplicate-header', `More than one column is called ${list(twice)}`)
  const missing = Object.keys(mapping).filter((header) => !headers.includes(header))
  if (missing.length > 0) throw new FileProblem('missing-column', `There is no column ${list(missing)}`)

  const known: readonly string[] = importFields[kind]
  const taken = new Set(Object.values(mapping))
  const fields = new Map<string, { index: number; header: string }>()
  const ignored: string[] = []
  headers.forEach((header, index) => {
    const field = mapping[header] ?? (known.includes(header) && !taken.has(header) ? header : undefined)
    if (field) fields.set(field, { index, header })
    else if (header !== '') ignored.push(header)
  })
  const absent = needed[kind].filter((field) => !fields.has(field))
  if (absent.length > 0)
    throw new FileProblem('missing-column', `No column is, or is mapped to, ${list(absent)}`)
  return { width: headers.length, fields, ignored }
}

const list = (names: readonly string[]) => [...new Set(names)].map((name) => name.slice(0, 60)).join(', ')
