import { z } from 'zod'
import { command, query } from '#kit/contract.ts'
import { id, localDate, page, pageOf, scope, text, timeZone, version } from '#kit/schemas.ts'
import { employmentType } from './schemas.ts'

/** What leave must know of people, brought by lifecycle; and the end of their data. */
export const peopleOperations = {
  putEmployee: command({
    summary: 'Takes over the employments and terms of an employee, unless a newer state is known',
    deadline: 5000,
    access: ['job'],
    input: z.strictObject({
      employeeId: id,
      sourceVersion: version.meta({ description: 'Of the employee in directory' }),
      employeeNumber: text(100),
      employments: z.array(z.strictObject({ joinsOn: localDate, leavesOn: localDate.nullable() })).max(100),
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
        .max(1000),
    }),
    output: z.object({ applied: z.boolean(), sourceVersion: version }),
  }),
  eraseEmployee: command({
    summary:
      'Erases what people wrote about the leave of somebody who has left; the ledger, which names nobody, stays',
    deadline: 5000,
    access: ['job'],
    input: z.strictObject({ employeeId: id, scope }),
    output: z.object({ employeeId: id, erased: z.boolean() }),
    errors: ['still-employed'],
  }),
  exportLeave: query({
    summary: 'All accounts with their ledger and all requests, of all employees, page by page',
    deadline: 10_000,
    access: ['job'],
    input: z.strictObject({ employeeId: id.optional(), ...page }),
    output: pageOf(
      z.object({
        employeeId: id,
        accounts: z.array(z.unknown()),
        requests: z.array(z.unknown()),
        delegations: z.array(z.unknown()),
      }),
    ),
  }),
  exportLeaveSettings: query({
    summary: 'Leave types, policies with their history, calendars, patterns',
    deadline: 5000,
    access: ['job'],
    input: z.strictObject({}),
    output: z.object({
      types: z.array(z.unknown()),
      policies: z.array(z.unknown()),
      calendars: z.array(z.unknown()),
      patterns: z.array(z.unknown()),
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
