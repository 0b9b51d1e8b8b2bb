import { createHash } from 'node:crypto'
import type { Call } from '#kit/call.ts'
import type { OutputOf } from '#kit/contract.ts'
import { DomainError } from '#kit/problem.ts'
import type { directoryContract } from '../../directory/contract.ts'
import type { Clients } from '../clients.ts'
import type { Outcome, Step, StepContext } from './step.ts'

type Employee = OutputOf<(typeof directoryContract)['operations']['exportEmployees']>['items'][number]

const done: Outcome<'leave-projection'> = { next: { state: 'done', why: null }, progress: {} }

/** Keeps leave's knowledge of employees as new as directory's; after an import of many at once. */
export const leaveProjectionStep: Step<'leave-projection'> = {
  deadline: 6000,
  places: 2,
  async take({ subject: employeeId }, { clients, call }) {
    await tellLeave(employeeId, clients, call)
    return done
  },
  together: {
    most: 100,
    async take(processes, { clients, call }: StepContext) {
      const employeeIds = processes.map(({ subject }) => subject)
      const { items } = await clients
        .directory(call)
        .exportEmployees({ employeeIds, limit: employeeIds.length })
      if (items.length > 0) {
        const employees = items.map(factsOf)
        const known = await clients.leave(call).putEmployees({ employees }, keyOf(employees))
        for (const [i, { sourceVersion }] of known.items.entries())
          assertNotNewer(sourceVersion, employees[i]!.sourceVersion)
      }
      return processes.map(() => done)
    },
  },
}

/** Tells leave the employments and terms of an employee as they are now; of who isn't there any more, nothing. */
export async function tellLeave(employeeId: string, clients: Clients, call: Call): Promise<void> {
  const page = await clients.directory(call).exportEmployees({ employeeId, limit: 1 })
  const employee = page.items[0]
  if (!employee) return
  const facts = factsOf(employee)
  const known = await clients.leave(call).putEmployee(facts, keyOf(facts))
  assertNotNewer(known.sourceVersion, facts.sourceVersion)
}

const factsOf = (employee: Employee) => ({
  employeeId: employee.id,
  sourceVersion: employee.version,
  employeeNumber: employee.employeeNumber,
  employments: employee.employments.map(({ joinsOn, leavesOn }) => ({ joinsOn, leavesOn })),
  terms: employee.versions.map((terms) => ({
    effectiveFrom: terms.effectiveFrom,
    effectiveTo: terms.effectiveTo,
    managerId: terms.managerId,
    orgUnitId: terms.orgUnitId,
    location: terms.location,
    timeZone: terms.timeZone,
    employmentType: terms.employmentType,
    fte: terms.fte,
  })),
})

/** Taken again, a step may meet other facts than before: then it is another command, with another key. */
const keyOf = (facts: unknown) => ({
  step: createHash('sha256').update(JSON.stringify(facts)).digest('base64url'),
})

/** Only after directory was restored to an earlier state can leave know more than directory does. */
function assertNotNewer(known: number, told: number): void {
  if (known > told) throw new DomainError('newer-version-known')
}
