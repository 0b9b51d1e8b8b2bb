import { z } from 'zod'
import { command, query } from '#kit/contract.ts'
import { id, localDate, page, pageOf, scope, text, version } from '#kit/schemas.ts'
import { negativeBalance, policyRules, unit } from './schemas.ts'

const code = text(40).meta({ description: "The company's own short code, unique among its kind" })

export const leaveType = z.object({
  id,
  code: z.string(),
  name: z.string(),
  unit,
  paid: z.boolean(),
  negativeBalance,
  open: z.boolean().meta({ description: 'Whether new requests may be made' }),
  version,
})

export const leavePolicy = z.object({
  id,
  code: z.string(),
  name: z.string(),
  typeId: id,
  rank: z.int().meta({ description: 'Of the policies of a type the first that fits an employee applies' }),
  effectiveFrom: localDate.meta({ description: 'Since when the rules are as told here' }),
  rules: policyRules,
  version,
})

const asOf = localDate.optional().meta({ description: 'The date to look at; today (UTC) unless told' })
const rank = z.int().min(0).max(10_000)
const policyErrors = [
  'policy-cap-below-grant',
  'policy-amount-unrounded',
  'policy-without-approver',
  'policy-steps-disordered',
  'policy-dates-disordered',
] as const

/** Leave types and policies, and which periods are closed. Changing them is a matter of the whole tenant. */
export const configurationOperations = {
  createLeaveType: command({
    summary: 'Creates a leave type',
    deadline: 3000,
    input: z.strictObject({
      code,
      name: text(200),
      unit: unit.default('day'),
      paid: z.boolean().default(true),
      negativeBalance: negativeBalance.default({ kind: 'none' }),
      scope,
    }),
    output: leaveType,
    errors: ['code-taken'],
  }),
  changeLeaveType: command({
    summary:
      'Renames a leave type, changes how far its balances may go below zero, or closes it to new requests',
    deadline: 5000,
    input: z.strictObject({
      typeId: id,
      expectedVersion: version,
      changes: z.strictObject({
        code: code.optional(),
        name: text(200).optional(),
        paid: z.boolean().optional(),
        negativeBalance: negativeBalance.optional(),
        open: z.boolean().optional(),
      }),
      scope,
    }),
    output: leaveType,
    errors: ['leave-type-not-found', 'code-taken'],
  }),
  listLeaveTypes: query({
    summary: 'Lists leave types by code',
    deadline: 1000,
    input: z.strictObject({ open: z.boolean().optional(), ...page, scope }),
    output: pageOf(leaveType),
  }),
  createLeavePolicy: command({
    summary: 'Creates a policy for a leave type',
    deadline: 3000,
    input: z.strictObject({
      code,
      name: text(200),
      typeId: id,
      rank: rank.default(100),
      effectiveFrom: localDate,
      rules: policyRules,
      scope,
    }),
    output: leavePolicy,
    errors: ['code-taken', 'reference-unknown', ...policyErrors],
  }),
  changeLeavePolicy: command({
    summary: 'Other rules from a date on; affected future requests and entitlements are rated anew',
    deadline: 5000,
    input: z.strictObject({
      policyId: id,
      expectedVersion: version,
      effectiveFrom: localDate,
      changes: z.strictObject({
        code: code.optional(),
        name: text(200).optional(),
        rank: rank.optional(),
        rules: policyRules.optional(),
      }),
      scope,
    }),
    output: leavePolicy,
    errors: ['leave-policy-not-found', 'code-taken', ...policyErrors],
  }),
  getLeavePolicy: query({
    summary: 'Reads a policy as of a date',
    deadline: 1000,
    input: z.strictObject({ policyId: id, asOf, scope }),
    output: leavePolicy,
    errors: ['leave-policy-not-found'],
  }),
  listLeavePolicies: query({
    summary: 'Lists policies by rank',
    deadline: 1000,
    input: z.strictObject({ typeId: id.optional(), asOf, ...page, scope }),
    output: pageOf(leavePolicy),
  }),
  closePeriod: command({
    summary:
      'Closes all days up to a date, paid or settled: leave on them is neither requested nor cancelled any more',
    deadline: 3000,
    input: z.strictObject({ through: localDate, scope }),
    output: z.object({ closedThrough: localDate }),
    errors: ['period-closed', 'period-not-over'],
  }),
  getClosedPeriod: query({
    summary: 'Through which day the past is closed',
    deadline: 1000,
    input: z.strictObject({ scope }),
    output: z.object({ closedThrough: localDate.nullable() }),
  }),
}
