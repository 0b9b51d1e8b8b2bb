import { z } from 'zod'
import { command, query } from '#kit/contract.ts'
import { id, instant, localDate, page, pageOf, scope, text, version } from '#kit/schemas.ts'
import { amount, positiveAmount, unit } from './schemas.ts'

export const entryKind = z.enum([
  'grant',
  'accrual',
  'carry-over',
  'expiry',
  'reservation',
  'consumption',
  'reversal',
  'adjustment',
])

const balance = z.object({
  typeId: id,
  typeCode: z.string(),
  typeName: z.string(),
  unit,
  asOf: localDate,
  booked: amount.meta({ description: 'Sum of the entries that apply up to that date' }),
  toCome: amount.meta({ description: 'Accruals, carry-over and expiry between today and that date' }),
  balance: amount.meta({ description: 'booked and toCome together' }),
  requestedLater: amount.meta({ description: 'Requested or approved for days after that date' }),
  available: amount.nullable().meta({ description: 'What may still be requested; null: without limit' }),
  pending: amount.meta({ description: 'Part of what is requested that nobody has approved yet' }),
  expiring: z
    .array(z.object({ on: localDate, amount }))
    .meta({ description: 'What lapses unless taken by then' }),
})

const statementLine = z.object({
  id: id.nullable().meta({ description: 'null: a forecast' }),
  effectiveOn: localDate,
  bookedAt: instant.nullable(),
  kind: entryKind,
  amount,
  balance: amount.meta({ description: 'After this line' }),
  lot: z.object({
    id: id.nullable(),
    origin: z.string(),
    usableFrom: localDate,
    usableTo: localDate.nullable(),
  }),
  requestId: id.nullable(),
  because: z.string().meta({ description: 'Which rule, period, request or reason it comes from' }),
})

const grantFields = {
  amount: positiveAmount,
  usableFrom: localDate,
  usableTo: localDate.nullable().default(null).meta({ description: 'The last day on which it may be taken' }),
  reason: text(200),
}

export const leaveRun = z.object({
  id,
  through: localDate,
  state: z.enum(['queued', 'running', 'done']),
  progress: z.object({
    employees: z.int(),
    total: z.int().meta({ description: 'Employees when it was started' }),
    entries: z.int(),
    failed: z.int().meta({ description: 'Accounts that could not be settled; the next run tries again' }),
  }),
  startedAt: instant,
  version,
})

/** Balances and the ledger that they are the sum of. */
export const accountOperations = {
  listBalances: query({
    summary: 'What an employee has of each leave type on a date, past or future',
    deadline: 2000,
    input: z.strictObject({ employeeId: id, asOf: localDate.optional(), scope }),
    output: z.object({ items: z.array(balance) }),
    errors: ['employee-not-found'],
  }),
  getStatement: query({
    summary: 'Every entry that makes a balance, and why; beyond today those to come',
    deadline: 2000,
    input: z.strictObject({
      employeeId: id,
      typeId: id,
      from: localDate.optional(),
      to: localDate.optional(),
      scope,
    }),
    output: z.object({ unit, opening: amount, lines: z.array(statementLine), closing: amount }),
    errors: ['employee-not-found', 'leave-type-not-found', 'ends-before-start'],
  }),
  grantLeave: command({
    summary: 'Grants leave beside what accrues',
    deadline: 3000,
    input: z.strictObject({ employeeId: id, typeId: id, ...grantFields, scope }),
    output: z.object({ entryId: id, balance: amount }),
    errors: ['employee-not-found', 'leave-type-not-found', 'ends-before-start', 'period-closed'],
  }),
  adjustBalance: command({
    summary: 'Corrects a balance, up or down, with a reason',
    deadline: 3000,
    input: z.strictObject({
      employeeId: id,
      typeId: id,
      amount: amount.refine((value) => value !== 0, {
        error: 'Changes nothing',
        params: { rule: 'not-zero' },
      }),
      effectiveOn: localDate.optional().meta({ description: 'Today unless told' }),
      reason: text(200),
      scope,
    }),
    output: z.object({ entryIds: z.array(id), balance: amount }),
    errors: ['employee-not-found', 'leave-type-not-found', 'insufficient-balance', 'period-closed'],
  }),
  grantLeaveByFile: command({
    summary:
      'Grants leave to many by CSV; each bad row is told with line, column and rule, the others are granted',
    deadline: 30_000,
    input: z.strictObject({ dryRun: z.enum(['true', 'false']).default('true') }),
    output: z.object({
      dryRun: z.boolean(),
      rows: z.int(),
      granted: z.int(),
      unchanged: z.int().meta({ description: 'Rows that a former upload has granted already' }),
      errors: z.array(
        z.object({ line: z.int(), column: z.string().nullable(), rule: z.string(), detail: z.string() }),
      ),
    }),
    upload: { type: 'text/csv', maxBytes: 2_000_000 },
  }),
  startLeaveRun: command({
    summary:
      'Books accruals, carry-over and expiry of all employees that are due; it also happens by itself every hour',
    deadline: 3000,
    input: z.strictObject({
      through: localDate.optional().meta({ description: 'Today at the latest' }),
      scope,
    }),
    output: leaveRun,
    errors: ['leave-run-state'],
  }),
  getLeaveRun: query({
    summary: 'How far a run is',
    deadline: 1000,
    input: z.strictObject({ runId: id, scope }),
    output: leaveRun,
    errors: ['leave-run-not-found'],
  }),
  listLeaveRuns: query({
    summary: 'Runs, the latest first',
    deadline: 1000,
    input: z.strictObject({ ...page, scope }),
    output: pageOf(leaveRun),
  }),
}
