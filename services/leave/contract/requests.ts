import { z } from 'zod'
import { command, query } from '#kit/contract.ts'
import { id, instant, localDate, page, pageOf, scope, text, version } from '#kit/schemas.ts'
import { amount, dayPart, unit } from './schemas.ts'

export const requestState = z.enum(['pending', 'approved', 'rejected', 'cancelled'])
export const requestAction = z.enum(['cancel', 'approve', 'reject'])

export const day = z.object({
  date: localDate,
  part: z.enum(['full', 'first-half', 'second-half', 'hours']),
  minutes: z.int().meta({ description: 'Working time that it takes' }),
  amount,
})

export const approval = z.object({
  step: z.int().min(1),
  approver: z.enum(['manager', 'managers-manager', 'hr']),
  approverId: id.nullable().meta({ description: 'null: anybody of HR' }),
  state: z.enum(['waiting', 'pending', 'approved', 'rejected', 'skipped']),
  decidedBy: id.nullable(),
  decidedAt: instant.nullable(),
  comment: z.string().nullable(),
})

export const change = z.object({
  at: instant,
  cause: z.enum(['holidays', 'working-pattern', 'policy', 'employment']),
  before: amount,
  after: amount,
  outcome: z
    .enum(['re-rated', 'insufficient-balance'])
    .meta({ description: 'insufficient-balance: it would cost more than there is, and was left as it was' }),
})

export const requestSummary = z.object({
  id,
  employeeId: id,
  typeId: id,
  typeName: z.string(),
  unit,
  state: requestState,
  startsOn: localDate,
  endsOn: localDate,
  amount,
  submittedAt: instant,
  updatedAt: instant,
  allowedActions: z.array(requestAction).meta({ description: 'What the caller may do with it now' }),
  version,
})

export const leaveRequest = requestSummary.extend({
  note: z.string().nullable(),
  cancelReason: z.string().nullable(),
  days: z.array(day),
  approvals: z.array(approval),
  changes: z
    .array(change)
    .meta({ description: 'What later changes of calendars, patterns or policies did to it' }),
})

/** What is asked for. */
const requested = {
  employeeId: id,
  typeId: id,
  startsOn: localDate,
  endsOn: localDate,
  parts: z
    .array(z.strictObject({ date: localDate, take: dayPart }))
    .max(366)
    .refine((parts) => new Set(parts.map(({ date }) => date)).size === parts.length, {
      error: 'Names a date twice',
      params: { rule: 'unique-dates' },
    })
    .default([])
    .meta({ description: 'Days of which only a part is taken; all others are taken as a whole' }),
  knownVersion: version
    .optional()
    .meta({ description: "The employee's version that the caller has seen; an older state is refused" }),
}

/** All rules by which a request can be refused. */
const requestErrors = [
  'employee-not-found',
  'leave-type-not-found',
  'leave-type-closed',
  'employee-facts-behind',
  'no-policy',
  'ends-before-start',
  'request-too-long',
  'day-outside-request',
  'no-working-time',
  'beyond-working-time',
  'overlapping-request',
  'outside-employment',
  'waiting-period',
  'block-date',
  'notice-too-short',
  'too-many-consecutive-days',
  'period-closed',
  'insufficient-balance',
] as const

/** Leave requests, from the preview to the decision. */
export const requestOperations = {
  previewRequest: query({
    summary: 'What a request would cost and which rules it would break, without writing',
    deadline: 2000,
    input: z.strictObject({ ...requested, scope }),
    output: z.object({
      unit,
      amount,
      days: z.array(day),
      balanceBefore: amount,
      balanceAfter: amount,
      lots: z.array(z.object({ usableTo: localDate.nullable(), amount })),
      approvers: z.array(approval.pick({ step: true, approver: true, approverId: true })),
      conflicts: z.array(
        z.object({
          code: z.enum(requestErrors),
          detail: z.string(),
          pointer: z.string().meta({ description: 'JSON pointer to the field of this input to change' }),
        }),
      ),
    }),
    errors: [
      'employee-not-found',
      'leave-type-not-found',
      'employee-facts-behind',
      'ends-before-start',
      'request-too-long',
      'day-outside-request',
    ],
  }),
  submitRequest: command({
    summary: 'Requests leave and reserves it',
    deadline: 3000,
    input: z.strictObject({ ...requested, note: text(1000).optional(), scope }),
    output: leaveRequest,
    errors: requestErrors,
  }),
  getRequest: query({
    summary: 'A request, to whom it belongs, who decides it, and HR',
    deadline: 1000,
    input: z.strictObject({ requestId: id, scope }),
    output: leaveRequest,
    errors: ['leave-request-not-found'],
  }),
  listRequests: query({
    summary: 'Requests, the latest first; or by the instant of their last change',
    deadline: 2000,
    input: z.strictObject({
      employeeId: id.optional(),
      typeId: id.optional(),
      states: z.array(requestState).min(1).optional(),
      from: localDate.optional(),
      to: localDate.optional(),
      updatedSince: instant.optional(),
      ...page,
      scope,
    }),
    output: pageOf(requestSummary),
  }),
  listApprovals: query({
    summary:
      'Requests that wait for the caller, as approver, as somebody’s delegate, or as HR; the oldest first',
    deadline: 2000,
    input: z.strictObject({ ...page, scope }),
    output: pageOf(requestSummary),
  }),
  decideRequest: command({
    summary: 'Approves or rejects the step that is open',
    deadline: 3000,
    input: z.strictObject({
      requestId: id,
      expectedVersion: version,
      decision: z.enum(['approve', 'reject']),
      comment: text(1000).optional(),
      scope,
    }),
    output: leaveRequest,
    errors: ['leave-request-not-found', 'request-state', 'own-request', 'not-approver', 'period-closed'],
  }),
  cancelRequest: command({
    summary: 'Cancels a request and gives back what it had taken, to the same grants',
    deadline: 3000,
    input: z.strictObject({ requestId: id, expectedVersion: version, reason: text(1000).optional(), scope }),
    output: leaveRequest,
    errors: ['leave-request-not-found', 'request-state', 'not-approver', 'period-closed'],
  }),
  getTeamCalendar: query({
    summary: 'Who is away when: of the own team without telling why, of reports in full; 62 days at most',
    deadline: 2000,
    input: z.strictObject({
      from: localDate,
      to: localDate,
      of: z.enum(['team', 'reports']).meta({
        description: 'team: who has the same manager, and the manager; reports: whom the scope reaches',
      }),
      cursor: page.cursor,
      limit: z.int().min(1).max(500).default(500).meta({ description: 'People of a page at most' }),
      scope,
    }),
    output: z.object({
      people: z.array(
        z.object({
          employeeId: id,
          away: z.array(
            z.object({
              date: localDate,
              part: z.enum(['full', 'first-half', 'second-half', 'hours']),
              state: z.enum(['pending', 'approved']),
              requestId: id.nullable(),
              typeId: id.nullable(),
            }),
          ),
          holidays: z.array(localDate),
        }),
      ),
      next: z.string().nullable(),
    }),
    errors: ['ends-before-start', 'request-too-long'],
  }),
}

export const delegation = z.object({
  id,
  delegatorId: id,
  delegateId: id,
  startsOn: localDate,
  endsOn: localDate,
  version,
})

/** Who decides for an approver who is away. */
export const delegationOperations = {
  createDelegation: command({
    summary: 'Lets somebody else decide what waits for an approver, for some days',
    deadline: 3000,
    input: z.strictObject({ delegatorId: id, delegateId: id, startsOn: localDate, endsOn: localDate, scope }),
    output: delegation,
    errors: [
      'employee-not-found',
      'reference-unknown',
      'ends-before-start',
      'delegation-to-oneself',
      'delegation-circle',
      'delegation-overlap',
    ],
  }),
  endDelegation: command({
    summary: 'Takes a delegation back',
    deadline: 3000,
    input: z.strictObject({ delegationId: id, expectedVersion: version, scope }),
    output: delegation,
    errors: ['delegation-not-found'],
  }),
  listDelegations: query({
    summary: 'Delegations from and to an employee that have not ended',
    deadline: 1000,
    input: z.strictObject({ employeeId: id, ...page, scope }),
    output: pageOf(delegation),
    errors: ['employee-not-found'],
  }),
}
