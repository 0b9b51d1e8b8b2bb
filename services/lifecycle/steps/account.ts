import { createHash } from 'node:crypto'
import { DomainError } from '#kit/problem.ts'
import { type AccountCommand, type AccountFacts, type EmployeeFacts, planAccount } from '../domain/account.ts'
import type { ProcessOf } from '../domain/process.ts'
import { wake } from '../store.ts'
import { orNull } from './missing.ts'
import type { Step, StepContext } from './step.ts'

const all = { reach: 'all' } as const
const employeeRole = { role: 'employee', reach: 'self' } as const
const managerRole = { role: 'manager', reach: 'reports' } as const

/** Compares an account with the employment, and commands what brings it in line. */
export const accountStep: Step<'account'> = {
  deadline: 6000,
  places: 8,
  async take(process, context) {
    const [employee, account] = await Promise.all([
      readEmployee(process, context),
      readAccount(process, context),
    ])
    const plan = planAccount(employee, account, process.progress, context.now)
    for (const command of plan.commands) await carryOut(command, process, employee!.version, context)
    const wakes = plan.managers.map(
      (subject) => ({ tenant: process.tenant, kind: 'account', subject, version: 0 }) as const,
    )
    return { ...plan, save: (tx) => wake(tx, wakes, context.now) }
  },
}

async function readEmployee(
  { subject: employeeId }: ProcessOf<'account'>,
  { clients, call }: StepContext,
): Promise<(EmployeeFacts & { version: number }) | null> {
  const directory = clients.directory(call)
  const [page, reports] = await Promise.all([
    directory.exportEmployees({ employeeId, limit: 1 }),
    orNull('employee-not-found', directory.countReports({ employeeId, scope: all })),
  ])
  const employee = page.items[0]
  if (!employee) return null
  return {
    email: employee.person.email,
    displayName: employee.person.displayName,
    employments: employee.employments,
    terms: employee.versions,
    hasReports: (reports?.direct ?? 0) > 0,
    version: employee.version,
  }
}

const readAccount = (
  { subject: employeeId }: ProcessOf<'account'>,
  { clients, call }: StepContext,
): Promise<AccountFacts | null> =>
  orNull('account-not-found', clients.identity(call).getAccountByEmployee({ employeeId, scope: all }))

async function carryOut(
  command: AccountCommand,
  { subject: employeeId }: ProcessOf<'account'>,
  sourceVersion: number,
  { clients, call }: StepContext,
): Promise<void> {
  const identity = clients.identity(call)
  const whose = { employeeId, sourceVersion }
  // Taken again, a step may meet other facts than before: then it is another command, with another key.
  const keyed = {
    step: createHash('sha256')
      .update(JSON.stringify([command, whose]))
      .digest('base64url'),
  }
  const { applied } = await (() => {
    switch (command.do) {
      case 'enable':
        return identity.enableAccount(whose, keyed)
      case 'provision': {
        const { email, displayName, manager } = command
        const roles = manager ? [employeeRole, managerRole] : [employeeRole]
        return identity.provisionAccount({ ...whose, email, displayName, roles }, keyed)
      }
      case 'end': {
        const { reason, at } = command
        return identity.disableAccount({ ...whose, reason, effectiveAt: at.toISOString() }, keyed)
      }
    }
  })()
  // Only after directory was restored to an earlier state can identity know more than directory does.
  if (!applied) throw new DomainError('newer-version-known')
}
