import { z } from 'zod'
import { command, query } from '#kit/contract.ts'
import { id, instant, localDate, page, pageOf, scope, text, timeZone, version } from '#kit/schemas.ts'
import { entryKind } from './accounts.ts'
import { leavePolicy, leaveType } from './configuration.ts'
import { approval, change, day, delegation, requestSummary } from './requests.ts'
import { holiday, holidayCalendar, workingPattern } from './schedules.ts'
import { amount, employmentType } from './schemas.ts'

const exportedAccount = z.object({
  id,
  typeId: id,
  balance: amount,
  settledThrough: localDate.nullable(),
  lots: z.array(
    z.object({
      id,
      origin: z.string(),
      yearFrom: localDate.nullable(),
      usableFrom: localDate,
      usableTo: localDate.nullable(),
      remaining: amount,
      closedOn: localDate.nullable(),
    }),
  ),
  entries: z
    .array(
      z.object({
        id,
        lotId: id,
        kind: entryKind,
        amount,
        effectiveOn: localDate,
        bookedAt: instant,
        requestId: id.nullable(),
        reverses: id.nullable(),
        cause: z.string().nullable(),
        reason: z.string().nullable().meta({ description: 'What who granted or adjusted wrote' }),
      }),
    )
    .meta({ description: 'In the order of booking' }),
})

const exportedRequest = requestSummary
  .pick({
    id: true,
    typeId: true,
    state: true,
    startsOn: true,
    endsOn: true,
    amount: true,
    submittedAt: true,
    updatedAt: true,
    version: true,
  })
  .extend({
    policyId: id,
    note: z.string().nullable(),
    cancelReason: z.string().nullable(),
    days: z.array(day),
    approvals: z.array(approval),
    changes: z.array(change),
  })

const employeeFacts = z.strictObject({
  employeeId: id,
  sourceVersion: version.meta({ description: 'Of the employee in directory' }),
  employeeNumber: text(100),
  employments: z
    .array(z.strictObject({ joinsOn: localDate, leavesOn: localDate.nullable() }))
    .min(1)
    .max(100),
  terms: z
    .array(
      z.strictObject({
        effectiveFrom: localDate,
        effectiveTo: localDate.nullable(),
        managerId: id.nullable(),
        orgUnitId: id.nullable(),
        location: text(200).nullable(),
        timeZone,
        employmentType,
        fte: z.number().gt(0).max(1).multipleOf(0.001),
      }),
    )
    .min(1)
    .max(1000),
})

const employeeKnown = z.object({
  employeeId: id,
  applied: z.boolean(),
  sourceVersion: version.meta({ description: 'That is known now' }),
})

/** What leave must know of people, brought by lifecycle; and the end of their data. */
export const peopleOperations = {
  putEmployee: command({
    summary: 'Takes over the employments and terms of an employee, unless a newer state is known',
    deadline: 5000,
    access: ['job'],
    input: employeeFacts,
    output: employeeKnown,
  }),
  putEmployees: command({
    summary: 'The same for many',
    deadline: 5000,
    access: ['job'],
    input: z.strictObject({
      employees: z
        .array(employeeFacts)
        .min(1)
        .max(100)
        .refine((all) => new Set(all.map(({ employeeId }) => employeeId)).size === all.length, {
          error: 'Has an employee twice',
          params: { rule: 'employee-once' },
        }),
    }),
    output: z.object({ items: z.array(employeeKnown) }),
  }),
  eraseEmployee: command({
    summary:
      'Erases what people wrote about the leave of somebody who has left; the ledger, which names nobody, stays',
    deadline: 5000,
    access: ['job'],
    input: z.strictObject({ employeeId: id, scope }),
    output: z.object({ employeeId: id, erased: z.boolean() }),
    errors: ['employee-not-found', 'still-employed'],
  }),
  exportLeave: query({
    summary: 'All accounts with their ledger and all requests, of all employees or of one, page by page',
    deadline: 10_000,
    access: ['job'],
    input: z.strictObject({ employeeId: id.optional(), ...page }),
    output: pageOf(
      z.object({
        employeeId: id,
        schedules: z.array(
          z.object({ effectiveFrom: localDate, patternId: id.nullable(), calendarId: id.nullable() }),
        ),
        accounts: z.array(exportedAccount),
        requests: z.array(exportedRequest),
        delegations: z
          .array(
            delegation
              .pick({ id: true, delegateId: true, startsOn: true, endsOn: true, version: true })
              .extend({ ended: z.boolean() }),
          )
          .meta({ description: 'Those that the employee gave' }),
      }),
    ),
  }),
  exportLeaveSettings: query({
    summary: 'Leave types, policies with their history, calendars with their holidays, patterns',
    deadline: 5000,
    access: ['job'],
    input: z.strictObject({}),
    output: z.object({
      types: z.array(leaveType),
      policies: z.array(
        leavePolicy
          .omit({ effectiveFrom: true, rules: true })
          .extend({ versions: z.array(leavePolicy.pick({ effectiveFrom: true, rules: true })) }),
      ),
      calendars: z.array(holidayCalendar.extend({ holidays: z.array(holiday) })),
      patterns: z.array(workingPattern),
      closedThrough: localDate.nullable(),
    }),
  }),
  deleteTenantData: command({
    summary: 'Deletes data of the whole tenant, step by step; call it again until nothing is left',
    deadline: 10_000,
    access: ['job'],
    input: z.strictObject({}),
    output: z.object({ done: z.boolean() }),
  }),
}
