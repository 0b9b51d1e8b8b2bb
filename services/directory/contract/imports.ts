import { z } from 'zod'
import { command, query } from '#kit/contract.ts'
import { id, instant, localDate, page, pageOf, scope, text, timeZone, version } from '#kit/schemas.ts'
import { employmentType } from './schemas.ts'

/** What a file holds, and the fields that its columns may be mapped to. */
export const importFields = {
  'org-units': ['code', 'name', 'parent', 'head', 'costCentre', 'opensOn'],
  positions: ['code', 'title', 'orgUnit'],
  employees: [
    'employeeNumber',
    'givenName',
    'familyName',
    'displayName',
    'nameOrder',
    'email',
    'birthDate',
    'phone',
    'joinsOn',
    'orgUnit',
    'position',
    'jobTitle',
    'manager',
    'location',
    'timeZone',
    'employmentType',
    'fte',
    'costCentre',
  ],
  'job-history': ['employeeNumber', 'startsOn', 'endsOn', 'orgUnit', 'position', 'jobTitle'],
} as const

export const importKind = z.enum(['org-units', 'positions', 'employees', 'job-history'])

export const importOptions = z.strictObject({
  dryRun: z.boolean().default(true).meta({ description: 'Check every row, write nothing' }),
  delimiter: z.enum([',', ';', '\t', '|']).default(','),
  dateFormat: z.enum(['YYYY-MM-DD', 'DD.MM.YYYY', 'DD/MM/YYYY', 'MM/DD/YYYY']).default('YYYY-MM-DD'),
  effectiveFrom: localDate
    .optional()
    .meta({ description: 'Since when changed rows apply; the day of the import unless told' }),
  emailDomain: z
    .string()
    .max(200)
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/i)
    .optional()
    .meta({ description: 'Completes e-mails that are a local part only' }),
  defaults: z
    .strictObject({
      timeZone: timeZone.optional(),
      employmentType: employmentType.optional(),
      location: text(200).optional(),
      opensOn: localDate.optional(),
    })
    .default({})
    .meta({ description: 'Values for fields that the file leaves empty' }),
})

const counts = z.object({
  rows: z.int(),
  created: z.int(),
  changed: z.int(),
  unchanged: z.int(),
  skipped: z.int().meta({ description: 'Cannot be kept here; a warning says why' }),
  failed: z.int(),
  warnings: z.int(),
})

export const importState = z.enum([
  'created',
  'uploaded',
  'queued',
  'running',
  'validated',
  'completed',
  'failed',
  'cancelled',
])

export const importResource = z.object({
  id,
  kind: importKind,
  state: importState,
  dryRun: z.boolean(),
  mapping: z.record(z.string(), z.string()),
  options: z.object({
    delimiter: z.string(),
    dateFormat: z.string(),
    effectiveFrom: localDate.nullable(),
    emailDomain: z.string().nullable(),
    defaults: z.record(z.string(), z.string()),
  }),
  file: z.object({ bytes: z.int(), digest: z.string() }).nullable(),
  ignoredColumns: z.array(z.string()),
  progress: counts.extend({ bytesRead: z.int() }),
  failure: z
    .object({ rule: z.string(), detail: z.string() })
    .nullable()
    .meta({ description: 'Why the file as a whole could not be used' }),
  createdAt: instant,
  startedAt: instant.nullable(),
  endedAt: instant.nullable(),
  version,
})

const importIssue = z.object({
  line: z.int().meta({ description: 'Line of the file, the header is 1' }),
  column: z.string().nullable().meta({ description: 'Header of the column' }),
  severity: z.enum(['error', 'warning']),
  rule: z.string(),
  detail: z.string(),
})

/** A CSV import: created, uploaded, started (dry run first), watched. It needs scope `all`. */
export const importOperations = {
  createImport: command({
    summary: 'Prepares an import: what the file holds and which column is which field',
    deadline: 2000,
    input: z.strictObject({
      kind: importKind,
      mapping: z
        .record(text(200), text(60))
        .default({})
        .meta({ description: 'Header of a column → field; headers equal to a field need none' }),
      options: importOptions.prefault({}),
      scope,
    }),
    output: importResource,
  }),
  uploadImportFile: command({
    summary: 'Puts the file; the same again changes nothing',
    deadline: 120_000,
    input: z.strictObject({ importId: id }),
    output: importResource,
    upload: { type: 'text/csv', maxBytes: 64 * 1024 * 1024 },
    errors: ['import-not-found', 'import-state'],
  }),
  startImport: command({
    summary: 'Starts the work in the background; after a dry run once more, for good',
    deadline: 2000,
    input: z.strictObject({
      importId: id,
      dryRun: z.boolean().optional().meta({ description: 'As when it was created unless told' }),
      scope,
    }),
    output: importResource,
    errors: ['import-not-found', 'import-state'],
  }),
  getImport: query({
    summary: 'State and progress of an import',
    deadline: 1000,
    input: z.strictObject({ importId: id, scope }),
    output: importResource,
    errors: ['import-not-found'],
  }),
  listImports: query({
    summary: 'Lists imports, the latest first',
    deadline: 1000,
    input: z.strictObject({ ...page, scope }),
    output: pageOf(importResource),
  }),
  listImportErrors: query({
    summary: 'What is wrong or odd in the file, by line; values are not repeated',
    deadline: 1000,
    input: z.strictObject({
      importId: id,
      severity: z.enum(['error', 'warning']).optional(),
      ...page,
      scope,
    }),
    output: pageOf(importIssue),
    errors: ['import-not-found'],
  }),
  cancelImport: command({
    summary: 'Stops an import; rows that were written stay',
    deadline: 2000,
    input: z.strictObject({ importId: id, scope }),
    output: importResource,
    errors: ['import-not-found', 'import-state'],
  }),
}
