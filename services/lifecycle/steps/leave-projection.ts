import { createHash } from 'node:crypto'
import type { Call } from '#kit/call.ts'
import { DomainError } from '#kit/problem.ts'
import type { Clients } from '../clients.ts'
import type { Step } from './step.ts'

/** Keeps leave's knowledge of an employee as new as directory's. */
export const leaveProjectionStep: Step<'leave-projection'> = {
  deadline: 6000,
  places: 8,
  async take({ subject: employeeId }, { clients, call }) {
    await tellLeave(employeeId, clients, call)
    return { next: { state: 'done', why: null }, progress: {} }
  },
}

/** Tells leave the employments and terms of an employee as they are now; of who isn't there any more, nothing. */
export async function tellLeave(employeeId: string, clients: Clients, call: Call): Promise<void> {
  const page = await clients.directory(call).exportEmployees({ employeeId, limit: 1 })
  const employee = page.items[0]
  if (!employee) return
  const facts = {
    employeeId,
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
  }
  // Taken again, a step may meet other facts than before: then it is another command, with another key.
  const step = createHash('sha256').update(JSON.stringify(facts)).digest('base64url')
  const { sourceVersion } = await clients.leave(call).putEmployee(facts, { step })
  // Only after directory was restored to an earlier state can leave know more than directory does.
  if (sourceVersion > facts.sourceVersion) throw new DomainError('newer-version-known')
}
