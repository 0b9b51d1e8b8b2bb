import { z } from 'zod'
import { query } from '#kit/contract.ts'
import { id, instant, localDate, page, pageOf, scope, text } from '#kit/schemas.ts'
import { employeeSummary, employmentType, status } from './schemas.ts'

const asOf = localDate
  .optional()
  .meta({ description: "The date to look at; today in each employee's time zone unless told" })

const chartNode = z.object({
  employeeId: id,
  displayName: z.string(),
  jobTitle: z.string().nullable(),
  orgUnitName: z.string().nullable(),
  managerId: id.nullable(),
  level: z.int().min(0),
  directReports: z.int().min(0),
})

const auditEntry = z.object({
  id,
  at: instant,
  account: z.string(),
  client: z.string(),
  operation: z.string(),
  object: z.string(),
  objectId: z.string(),
  requestId: z.string(),
  before: z.unknown(),
  after: z.unknown(),
  masked: z.boolean().meta({ description: 'Whether personal values are hidden here' }),
  erased: z.boolean().meta({ description: 'Whether the values were erased' }),
})

/** Many employees: search, reporting line, audit trail. */
export const peopleOperations = {
  searchEmployees: query({
    summary: 'Finds people by parts of name, number or e-mail, in any script, case and accents folded',
    deadline: 2000,
    input: z.strictObject({
      q: text(200).optional(),
      asOf,
      filters: z
        .strictObject({
          status: z.array(status).min(1).optional().meta({ description: 'active and pending unless told' }),
          orgUnitId: id.optional(),
          includeSubUnits: z.boolean().default(true),
          managerId: id.optional().meta({ description: 'Direct reports of this manager' }),
          positionId: id.optional(),
          location: text(200).optional(),
          employmentType: employmentType.optional(),
        })
        .default({ includeSubUnits: true }),
      updatedSince: instant.optional().meta({ description: 'Changed since; then ordered by that instant' }),
      ...page,
      scope,
    }),
    output: pageOf(employeeSummary),
  }),
  getOrgChart: query({
    summary: 'The reporting tree on a date, managers before their reports',
    deadline: 3000,
    input: z.strictObject({
      asOf,
      rootEmployeeId: id.optional().meta({ description: 'Absent: from those who report to nobody' }),
      depth: z.int().min(0).max(20).default(2),
      scope,
    }),
    output: z.object({
      nodes: z.array(chartNode),
      truncated: z.boolean().meta({ description: 'More than 2000 people: ask for a smaller part' }),
    }),
    errors: ['employee-not-found'],
  }),
  getReportingLine: query({
    summary: 'An employee, the manager, the manager above, up to the top',
    deadline: 1000,
    input: z.strictObject({ employeeId: id, asOf, scope }),
    output: z.object({ line: z.array(chartNode.omit({ directReports: true })) }),
    errors: ['employee-not-found'],
  }),
  countReports: query({
    summary: 'How many report to an employee, directly and in all',
    deadline: 2000,
    access: ['user', 'job'],
    input: z.strictObject({ employeeId: id, asOf, scope }),
    output: z.object({ direct: z.int(), total: z.int() }),
    errors: ['employee-not-found'],
  }),
  getNames: query({
    summary:
      'Names of people whose ids one has been told: to colleagues of the same company a name is no secret',
    deadline: 1000,
    input: z.strictObject({ employeeIds: z.array(id).max(2000), scope }),
    output: z.object({ items: z.array(z.object({ employeeId: id, displayName: z.string() })) }),
  }),
  getAuditTrail: query({
    summary: 'Who did what to an object, the latest first; personal values only for readers with the right',
    deadline: 2000,
    input: z.strictObject({
      object: z.enum(['employee', 'org-unit', 'position', 'import']),
      id,
      unmask: z.boolean().default(false).meta({ description: 'The reader may see personal values' }),
      ...page,
      scope,
    }),
    output: pageOf(auditEntry),
    errors: ['employee-not-found'],
  }),
}
