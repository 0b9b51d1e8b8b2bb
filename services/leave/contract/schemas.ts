import { z } from 'zod'
import { id, localDate, text } from '#kit/schemas.ts'

/** A number of the type's unit (days or hours), to a thousandth; the ledger counts whole thousandths. */
export const amount = z
  .number()
  .min(-100_000)
  .max(100_000)
  .multipleOf(0.001)
  .meta({ description: 'Days or hours, to a thousandth' })

export const positiveAmount = amount.min(0.001)
export const notNegativeAmount = amount.min(0)

export const unit = z.enum(['day', 'hour'])
export const employmentType = z.enum(['permanent', 'fixed-term', 'temporary', 'contractor', 'intern'])

/** How far below zero a balance may go. */
export const negativeBalance = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('capped'), limit: positiveAmount }),
  z.strictObject({ kind: z.literal('unlimited') }),
])

export const frequency = z.enum([
  'yearly',
  'half-yearly',
  'quarterly',
  'monthly',
  'weekly',
  'daily',
  'hourly',
])

export type Frequency = z.output<typeof frequency>

/** A day of the year, `MM-DD`; 02-29 would not be there every year. */
const yearStart = z
  .string()
  .regex(/^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/)
  .refine((value) => z.iso.date().safeParse(`2001-${value}`).success, {
    error: 'Is not a day of every year',
    params: { rule: 'day-of-year' },
  })

/** How a year's entitlement comes in. */
export const accrual = z.strictObject({
  amount: positiveAmount.meta({ description: 'Entitlement of a full year at full time' }),
  steps: z
    .array(z.strictObject({ afterYears: z.int().min(1).max(60), amount: positiveAmount }))
    .max(20)
    .default([])
    .meta({ description: 'Another entitlement from an anniversary of the joining day on' }),
  frequency: frequency
    .default('yearly')
    .meta({ description: 'hourly: each day in proportion to its scheduled working time' }),
  timing: z.enum(['start', 'end']).default('start').meta({ description: 'Of each period' }),
  yearStart: z.union([yearStart, z.literal('anniversary')]).default('01-01'),
  rounding: z.literal([0.001, 0.01, 0.1, 0.25, 0.5, 1]).default(0.01),
  prorateEmployment: z.boolean().default(true).meta({
    description: 'Of a period that is worked in part, only that part; else what is begun counts as a whole',
  }),
  prorateFte: z.boolean().default(true),
  balanceCap: positiveAmount
    .optional()
    .meta({ description: 'Accruals stop when the balance has reached it' }),
  yearlyCap: positiveAmount.optional().meta({ description: 'No more than this accrues in a year' }),
})

export const carryOver = z.strictObject({
  max: notNegativeAmount.nullable().default(0).meta({ description: 'null: all' }),
  expiresAfterMonths: z.int().min(1).max(60).nullable().default(null),
})

export const approvalStep = z.strictObject({
  approver: z.enum(['manager', 'managers-manager', 'hr']),
  longerThanDays: z
    .int()
    .min(1)
    .max(366)
    .optional()
    .meta({ description: 'Only for requests of more working days than this' }),
})

/** What applies to leave of one type for those who are eligible, from a date on. */
export const policyRules = z.strictObject({
  eligibility: z
    .strictObject({
      employmentTypes: z.array(employmentType).min(1).optional(),
      locations: z.array(text(200)).min(1).max(100).optional(),
      orgUnitIds: z.array(id).min(1).max(100).optional(),
      waitingMonths: z
        .int()
        .min(0)
        .max(60)
        .default(0)
        .meta({ description: 'After joining, before leave may be taken' }),
    })
    .default({ waitingMonths: 0 }),
  accrual: accrual.nullable().meta({ description: 'null: nothing comes by itself' }),
  carryOver: carryOver.default({ max: 0, expiresAfterMonths: null }),
  booking: z
    .strictObject({
      minNoticeDays: z.int().min(0).max(365).default(0),
      maxConsecutiveDays: z
        .int()
        .min(1)
        .max(1000)
        .nullable()
        .default(null)
        .meta({ description: 'Working days in a row, over adjacent requests too' }),
      blockDates: z
        .array(z.strictObject({ from: localDate, to: localDate, name: text(100) }))
        .max(100)
        .default([]),
      ahead: z
        .boolean()
        .default(false)
        .meta({ description: 'What will have accrued by the day of leave counts already' }),
    })
    .default({ minNoticeDays: 0, maxConsecutiveDays: null, blockDates: [], ahead: false }),
  approval: z.array(approvalStep).max(5),
})
export type PolicyRules = z.output<typeof policyRules>
export type Accrual = z.output<typeof accrual>

/** Which part of a day; hours are `minutes` of the day's working time. */
export const dayPart = z.discriminatedUnion('part', [
  z.strictObject({ part: z.enum(['full', 'first-half', 'second-half']) }),
  z.strictObject({ part: z.literal('hours'), minutes: z.int().min(1).max(1440) }),
])
export type DayPart = z.output<typeof dayPart>

/** The part of a day that a holiday or a request takes. */
export const portion = z.enum(['full', 'first-half', 'second-half'])
