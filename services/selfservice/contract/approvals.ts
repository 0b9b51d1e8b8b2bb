import { z } from 'zod'
import { command, query } from '#kit/contract.ts'
import { rowOf } from '#kit/rows.ts'
import { leaveContract } from '../../leave/contract.ts'
import { everybody, names } from './own.ts'

const { listApprovals, getRequest, decideRequest, listDelegations, createDelegation, endDelegation } =
  leaveContract.operations

const request = getRequest.output.meta({ id: 'LeaveRequest' })
const delegation = createDelegation.output.meta({ id: 'Delegation' })
const decision = decideRequest.input.omit({ scope: true })

/** What waits for the caller, as approver or as somebody's deputy; and who decides while the caller is away. */
export const approvalOperations = {
  listMyApprovals: query({
    summary: 'Requests that wait for oneself, as approver or as somebody’s delegate; the oldest first',
    deadline: 3000,
    route: { method: 'GET', path: '/v1/me/approvals' },
    roles: everybody,
    input: listApprovals.input.omit({ scope: true }),
    output: listApprovals.output.extend(names),
    errors: listApprovals.errors,
  }),
  decideMyApproval: command({
    summary: decideRequest.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/me/approvals/{requestId}/decision', ifMatch: 'expectedVersion' },
    roles: everybody,
    input: decision,
    output: request,
    errors: decideRequest.errors,
  }),
  decideMyApprovals: command({
    summary: 'Decides many requests, each by itself: the answer has a result for each',
    deadline: 30_000,
    route: { method: 'POST', path: '/v1/me/approvals/decisions' },
    roles: everybody,
    input: z.strictObject({ decisions: z.array(decision).min(1).max(100) }),
    output: z.object({ results: z.array(rowOf(request).extend(decision.pick({ requestId: true }).shape)) }),
  }),
  listMyDelegations: query({
    summary: 'Delegations from and to oneself that have not ended',
    deadline: 2000,
    route: { method: 'GET', path: '/v1/me/delegations' },
    roles: everybody,
    input: listDelegations.input.omit({ employeeId: true, scope: true }),
    output: listDelegations.output.extend(names),
    errors: listDelegations.errors,
  }),
  delegateApprovals: command({
    summary: 'Lets somebody else decide what waits for oneself, for some days',
    deadline: 5000,
    route: { method: 'POST', path: '/v1/me/delegations', status: 201 },
    roles: everybody,
    input: createDelegation.input.omit({ delegatorId: true, scope: true }),
    output: delegation,
    errors: createDelegation.errors,
  }),
  endMyDelegation: command({
    summary: endDelegation.summary,
    deadline: 5000,
    route: { method: 'DELETE', path: '/v1/me/delegations/{delegationId}', ifMatch: 'expectedVersion' },
    roles: everybody,
    input: endDelegation.input.omit({ scope: true }),
    output: delegation,
    errors: endDelegation.errors,
  }),
}
