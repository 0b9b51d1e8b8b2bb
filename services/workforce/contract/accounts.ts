import { command, query } from '#kit/contract.ts'
import { pageOf } from '#kit/schemas.ts'
import { identityContract } from '../../identity/contract.ts'

const { getAccountByEmployee, setRoles, issueInvitation, disableAccount, enableAccount, getAuditTrail } =
  identityContract.operations

const account = getAccountByEmployee.output.meta({ id: 'Account' })
const whose = getAccountByEmployee.input.omit({ scope: true })
const reason = disableAccount.input.shape.reason

const admins = { 'hr-admin': 'all' } as const

/**
 * The account of an employee. Hiring makes it and leaving ends it; here it is looked at and tended. Who may log in, and
 * as what, is a matter of the whole company.
 */
export const accountOperations = {
  getAccount: query({
    summary: getAccountByEmployee.summary,
    deadline: 2000,
    route: { method: 'GET', path: '/v1/employees/{employeeId}/account' },
    roles: { 'hr-admin': 'all', employee: 'self' },
    input: whose,
    output: account,
    errors: getAccountByEmployee.errors,
  }),
  setRoles: command({
    summary: setRoles.summary,
    deadline: 5000,
    route: { method: 'PUT', path: '/v1/employees/{employeeId}/account/roles', ifMatch: 'version' },
    roles: admins,
    tenantWide: true,
    input: whose.extend(setRoles.input.pick({ roles: true, version: true }).shape),
    output: account,
    errors: setRoles.errors,
  }),
  issueInvitation: command({
    summary: issueInvitation.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/employees/{employeeId}/account/invitations', status: 201 },
    roles: admins,
    tenantWide: true,
    input: whose,
    output: issueInvitation.output,
    errors: issueInvitation.errors,
  }),
  disableAccount: command({
    summary: disableAccount.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/employees/{employeeId}/account/disable' },
    roles: admins,
    tenantWide: true,
    input: whose.extend({ reason }),
    output: account,
    errors: disableAccount.errors,
  }),
  enableAccount: command({
    summary: enableAccount.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/employees/{employeeId}/account/enable' },
    roles: admins,
    tenantWide: true,
    input: whose,
    output: account,
    errors: enableAccount.errors,
  }),
  getAccountAuditTrail: query({
    summary: 'Who did what to the account of an employee, the latest first',
    deadline: 3000,
    route: { method: 'GET', path: '/v1/employees/{employeeId}/account/audit-trail' },
    roles: admins,
    tenantWide: true,
    input: whose.extend(getAuditTrail.input.pick({ cursor: true, limit: true }).shape),
    output: pageOf(getAuditTrail.output.shape.items.element.meta({ id: 'AccountAuditEntry' })),
    errors: getAccountByEmployee.errors,
  }),
}
