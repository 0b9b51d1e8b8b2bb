import { z } from 'zod'
import { command, query } from '#kit/contract.ts'
import { id, localDate, page, pageOf, scope } from '#kit/schemas.ts'
import { orgUnit } from './organization.ts'
import { employee, employment, terms } from './schemas.ts'

/** The life of a tenant's data: erasing a person, export, deletion. */
export const tenantOperations = {
  eraseEmployee: command({
    summary: 'Erases the personal data of a person who has left; that somebody worked here stays',
    deadline: 5000,
    access: ['user', 'job'],
    input: z.strictObject({ employeeId: id, scope }),
    output: z.object({ employeeId: id, erased: z.boolean() }),
    errors: ['employee-not-found', 'still-employed'],
  }),
  exportEmployees: query({
    summary: 'All data of all employees, or of some, page by page',
    deadline: 10_000,
    access: ['job'],
    input: z.strictObject({
      employeeId: id.optional(),
      employeeIds: z.array(id).min(1).max(200).optional(),
      ...page,
    }),
    output: pageOf(
      employee.extend({
        employments: z.array(employment),
        versions: z.array(terms),
      }),
    ),
  }),
  exportOrgUnits: query({
    summary: 'All org units with their history, closed ones too, page by page',
    deadline: 5000,
    access: ['job'],
    input: z.strictObject(page),
    output: pageOf(
      orgUnit.pick({ id: true, code: true, opensOn: true, closesOn: true, version: true }).extend({
        versions: z.array(
          orgUnit
            .pick({ name: true, parentId: true, headId: true, costCentre: true })
            .extend({ effectiveFrom: localDate }),
        ),
      }),
    ),
  }),
  deleteTenantData: command({
    summary: 'Deletes data of the whole tenant, step by step; call it again until nothing is left',
    deadline: 10_000,
    access: ['job'],
    input: z.strictObject({}),
    output: z.object({ done: z.boolean() }),
  }),
}
