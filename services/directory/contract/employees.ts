import { z } from 'zod'
import { command, query } from '#kit/contract.ts'
import { id, localDate, scope, text, version } from '#kit/schemas.ts'
import { employee, employment, newPerson, newTerms, personChanges, terms, termsChanges } from './schemas.ts'

const employeeNumber = text(40)
const asOf = localDate
  .optional()
  .meta({ description: "The date to look at; today in the employee's time zone unless told" })

/** What every command on an existing employee names: whom, as last read, and how far the caller's roles reach. */
const target = { employeeId: id, expectedVersion: version, scope }

const termsErrors = [
  'employee-not-found',
  'employee-erased',
  'reference-unknown',
  'manager-not-employed',
  'reporting-cycle',
  'org-unit-closed',
  'position-closed',
  'outside-employment',
] as const

/** One employee: hiring, changing, leaving. Commands answer with the employee as of the date of the change. */
export const employeeOperations = {
  hireEmployee: command({
    summary: 'Hires a person, now, later or in the past',
    deadline: 3000,
    input: z.strictObject({
      person: newPerson,
      employeeNumber,
      joinsOn: localDate,
      terms: newTerms,
      scope,
    }),
    output: employee,
    errors: [
      'employee-number-taken',
      'birth-not-before-joining',
      'reference-unknown',
      'manager-not-employed',
      'org-unit-closed',
      'position-closed',
    ],
  }),
  getEmployee: query({
    summary: 'Reads an employee as of a date',
    deadline: 1000,
    input: z.strictObject({ employeeId: id, asOf, scope }),
    output: employee,
    errors: ['employee-not-found'],
  }),
  getEmployeeHistory: query({
    summary: 'All employments and versions of an employee, the latest first, with what is yet to come',
    deadline: 1000,
    input: z.strictObject({ employeeId: id, scope }),
    output: z.object({
      employeeId: id,
      employments: z.array(employment),
      versions: z.array(terms),
      version,
    }),
    errors: ['employee-not-found'],
  }),
  changeEmployee: command({
    summary: 'Changes terms from a date on (update): a new version starts',
    deadline: 3000,
    input: z.strictObject({ ...target, effectiveFrom: localDate, changes: termsChanges }),
    output: employee,
    errors: [...termsErrors, 'version-exists'],
  }),
  correctEmployee: command({
    summary: 'Rewrites the version that starts on a date (correct)',
    deadline: 3000,
    input: z.strictObject({ ...target, effectiveFrom: localDate, changes: termsChanges }),
    output: employee,
    errors: [...termsErrors, 'version-not-found'],
  }),
  transferEmployee: command({
    summary: 'Moves an employee to another unit, position or manager from a date on',
    deadline: 3000,
    input: z.strictObject({
      ...target,
      effectiveFrom: localDate,
      to: termsChanges.pick({
        orgUnitId: true,
        positionId: true,
        jobTitle: true,
        managerId: true,
        location: true,
        timeZone: true,
        costCentre: true,
      }),
    }),
    output: employee,
    errors: [...termsErrors, 'version-exists'],
  }),
  changePerson: command({
    summary: 'Changes name, contact or birth date',
    deadline: 3000,
    input: z.strictObject({ ...target, changes: personChanges }),
    output: employee,
    errors: ['employee-not-found', 'employee-erased', 'birth-not-before-joining'],
  }),
  terminateEmployee: command({
    summary: 'Ends the employment after its last day',
    deadline: 3000,
    input: z.strictObject({ ...target, leavesOn: localDate, reason: text(500) }),
    output: employee,
    errors: [
      'employee-not-found',
      'employee-erased',
      'leaving-before-joining',
      'already-terminated',
      'has-reports',
    ],
  }),
  cancelTermination: command({
    summary: 'Takes a termination back; planned changes after the leaving date apply again',
    deadline: 3000,
    input: z.strictObject(target),
    output: employee,
    errors: [...termsErrors, 'not-terminated'],
  }),
  rehireEmployee: command({
    summary: 'Starts a new employment of a person who has left',
    deadline: 3000,
    input: z.strictObject({ ...target, joinsOn: localDate, terms: newTerms }),
    output: employee,
    errors: [...termsErrors, 'still-employed', 'employment-overlap'],
  }),
}
