import { z } from 'zod'
import { id, instant, localDate, text, timeZone, version } from '#kit/schemas.ts'

export const employmentType = z.enum(['permanent', 'fixed-term', 'temporary', 'contractor', 'intern'])

/** Whether the person is employed on the date that was asked for: not yet, then, or no longer. */
export const status = z.enum(['pending', 'active', 'terminated'])

export const nameOrder = z
  .enum(['given-first', 'family-first'])
  .meta({ description: 'How the person writes the name; the display name follows it unless given' })

const email = z.email().max(254)
const phone = text(40)

export const newPerson = z.strictObject({
  givenName: text(100),
  familyName: text(100),
  displayName: text(200).optional(),
  nameOrder: nameOrder.default('given-first'),
  email: email.optional(),
  birthDate: localDate.optional(),
  phone: phone.optional(),
})

export const personChanges = z.strictObject({
  givenName: text(100).optional(),
  familyName: text(100).optional(),
  displayName: text(200).nullable().optional().meta({ description: 'null: made from the names again' }),
  nameOrder: nameOrder.optional(),
  email: email.nullable().optional(),
  birthDate: localDate.nullable().optional(),
  phone: phone.nullable().optional(),
})

const fte = z
  .number()
  .gt(0)
  .max(1)
  .multipleOf(0.001)
  .meta({ description: 'Share of full time, 1 is full time' })

/** What applies to an employee from a date on. */
export const newTerms = z.strictObject({
  orgUnitId: id.optional(),
  positionId: id.optional(),
  jobTitle: text(200).optional(),
  managerId: id.optional(),
  location: text(200).optional(),
  timeZone,
  employmentType: employmentType.default('permanent'),
  fte: fte.default(1),
  costCentre: text(40).optional(),
})

/** Fields that change; the others stay, null empties. */
export const termsChanges = z.strictObject({
  orgUnitId: id.nullable().optional(),
  positionId: id.nullable().optional(),
  jobTitle: text(200).nullable().optional(),
  managerId: id.nullable().optional(),
  location: text(200).nullable().optional(),
  timeZone: timeZone.optional(),
  employmentType: employmentType.optional(),
  fte: fte.optional(),
  costCentre: text(40).nullable().optional(),
})

export const person = z.object({
  givenName: z.string(),
  familyName: z.string(),
  displayName: z.string(),
  nameOrder,
  email: z.string().nullable(),
  birthDate: localDate.nullable(),
  phone: z.string().nullable(),
})

export const terms = z.object({
  effectiveFrom: localDate,
  effectiveTo: localDate.nullable().meta({ description: 'The last day on which this applies' }),
  orgUnitId: id.nullable(),
  orgUnitName: z.string().nullable(),
  positionId: id.nullable(),
  positionTitle: z.string().nullable(),
  jobTitle: z.string().nullable(),
  managerId: id.nullable(),
  managerName: z.string().nullable(),
  location: z.string().nullable(),
  timeZone: z.string(),
  employmentType,
  fte: z.number(),
  costCentre: z.string().nullable(),
})

export const employment = z.object({
  joinsOn: localDate,
  leavesOn: localDate.nullable().meta({ description: 'The last day of the employment' }),
  leavingReason: z.string().nullable(),
})

export const employee = z.object({
  id,
  employeeNumber: z.string(),
  status,
  asOf: localDate,
  person,
  ...employment.shape,
  /** Those in force on the date; before the first day the first ones, after the last day the last ones. */
  terms,
  updatedAt: instant,
  version,
})

export const employeeSummary = z.object({
  id,
  employeeNumber: z.string(),
  displayName: z.string(),
  givenName: z.string(),
  familyName: z.string(),
  email: z.string().nullable(),
  status,
  joinsOn: localDate,
  leavesOn: localDate.nullable(),
  jobTitle: z.string().nullable(),
  orgUnitId: id.nullable(),
  orgUnitName: z.string().nullable(),
  managerId: id.nullable(),
  location: z.string().nullable(),
  timeZone: z.string(),
  updatedAt: instant,
  version,
})
