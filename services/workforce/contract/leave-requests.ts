import { z } from 'zod'
import { command, query } from '#kit/contract.ts'
import { rowOf } from '#kit/rows.ts'
import { listOf, page, pageOf } from '#kit/schemas.ts'
import { directoryContract } from '../../directory/contract.ts'
import { leaveContract } from '../../leave/contract.ts'

const {
  previewRequest,
  submitRequest,
  getRequest,
  listRequests,
  listApprovals,
  decideRequest,
  cancelRequest,
  getTeamCalendar,
  createDelegation,
  endDelegation,
  listDelegations,
} = leaveContract.operations
const { getEmployee } = directoryContract.operations

const request = getRequest.output.meta({ id: 'LeaveRequest' })
const requestSummary = listRequests.output.shape.items.element.meta({ id: 'LeaveRequestSummary' })
const delegation = createDelegation.output.meta({ id: 'Delegation' })
const decision = decideRequest.input.omit({ scope: true })

const supervisors = { 'hr-admin': 'all', manager: 'reports' } as const
const admins = { 'hr-admin': 'all' } as const

/** Leave of others: asked for, decided, cancelled, shown; and who decides while an approver is away. */
export const leaveRequestOperations = {
  listLeaveRequests: query({
    summary: listRequests.summary,
    deadline: 3000,
    route: { method: 'GET', path: '/v1/leave/requests' },
    roles: supervisors,
    input: listRequests.input
      .omit({ scope: true })
      .extend({ states: listOf(requestSummary.shape.state).optional() }),
    output: pageOf(requestSummary),
    errors: listRequests.errors,
  }),
  getLeaveRequest: query({
    summary: 'A request with its days, approvals, and what may be done with it',
    deadline: 2000,
    route: { method: 'GET', path: '/v1/leave/requests/{requestId}' },
    roles: supervisors,
    input: getRequest.input.omit({ scope: true }),
    output: request,
    errors: getRequest.errors,
  }),
  listLeaveApprovals: query({
    summary: listApprovals.summary,
    deadline: 3000,
    route: { method: 'GET', path: '/v1/leave/approvals' },
    roles: supervisors,
    input: listApprovals.input.omit({ scope: true }),
    output: pageOf(requestSummary),
    errors: listApprovals.errors,
  }),
  decideLeaveRequest: command({
    summary: decideRequest.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/leave/requests/{requestId}/decision', ifMatch: 'expectedVersion' },
    roles: supervisors,
    input: decision,
    output: request,
    errors: decideRequest.errors,
  }),
  decideLeaveRequests: command({
    summary: 'Decides many requests, each by itself: the answer has a result for each',
    deadline: 30_000,
    route: { method: 'POST', path: '/v1/leave/decisions' },
    roles: supervisors,
    input: z.strictObject({ decisions: z.array(decision).min(1).max(100) }),
    output: z.object({ results: z.array(rowOf(request).extend(decision.pick({ requestId: true }).shape)) }),
  }),
  previewLeaveFor: query({
    summary: previewRequest.summary,
    deadline: 3000,
    route: { method: 'POST', path: '/v1/employees/{employeeId}/leave/preview' },
    roles: admins,
    tenantWide: true,
    input: previewRequest.input.omit({ scope: true, knownVersion: true }),
    output: previewRequest.output,
    errors: [...getEmployee.errors, ...previewRequest.errors],
  }),
  requestLeaveFor: command({
    summary: 'Requests leave for somebody',
    deadline: 5000,
    route: { method: 'POST', path: '/v1/employees/{employeeId}/leave/requests', status: 201 },
    roles: admins,
    tenantWide: true,
    input: submitRequest.input.omit({ scope: true, knownVersion: true }),
    output: request,
    errors: [...getEmployee.errors, ...submitRequest.errors],
  }),
  cancelLeaveRequest: command({
    summary: cancelRequest.summary,
    deadline: 5000,
    route: {
      method: 'POST',
      path: '/v1/leave/requests/{requestId}/cancellation',
      ifMatch: 'expectedVersion',
    },
    roles: admins,
    tenantWide: true,
    input: cancelRequest.input.omit({ scope: true }),
    output: request,
    errors: cancelRequest.errors,
  }),
  getLeaveCalendar: query({
    summary: 'Who is away when and why, of those who report to the caller, or of all; 62 days at most',
    deadline: 3000,
    route: { method: 'GET', path: '/v1/leave/calendar' },
    roles: supervisors,
    input: getTeamCalendar.input.omit({ of: true, scope: true }).extend({ limit: page.limit }),
    output: getTeamCalendar.output,
    errors: getTeamCalendar.errors,
  }),
  listDelegations: query({
    summary: listDelegations.summary,
    deadline: 2000,
    route: { method: 'GET', path: '/v1/employees/{employeeId}/delegations' },
    roles: supervisors,
    input: listDelegations.input.omit({ scope: true }),
    output: pageOf(delegation),
    errors: listDelegations.errors,
  }),
  createDelegation: command({
    summary: 'Lets somebody else decide what waits for an approver who is away',
    deadline: 5000,
    route: { method: 'POST', path: '/v1/employees/{employeeId}/delegations', status: 201 },
    roles: admins,
    tenantWide: true,
    input: createDelegation.input
      .omit({ scope: true, delegatorId: true })
      .extend(getEmployee.input.pick({ employeeId: true }).shape),
    output: delegation,
    errors: createDelegation.errors,
  }),
  endDelegation: command({
    summary: endDelegation.summary,
    deadline: 5000,
    route: { method: 'DELETE', path: '/v1/delegations/{delegationId}', ifMatch: 'expectedVersion' },
    roles: admins,
    tenantWide: true,
    input: endDelegation.input.omit({ scope: true }),
    output: delegation,
    errors: endDelegation.errors,
  }),
}
