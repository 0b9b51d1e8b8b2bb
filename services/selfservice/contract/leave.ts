import { command, query } from '#kit/contract.ts'
import { listOf, page, pageOf } from '#kit/schemas.ts'
import { directoryContract } from '../../directory/contract.ts'
import { leaveContract } from '../../leave/contract.ts'
import { everybody, names } from './own.ts'

const {
  listBalances,
  getStatement,
  getSchedule,
  previewRequest,
  submitRequest,
  listRequests,
  getRequest,
  cancelRequest,
  getTeamCalendar,
} = leaveContract.operations

const { getEmployee } = directoryContract.operations

/** Whose leave it is comes from the token; which state of the person was seen, from directory. */
const known = { employeeId: true, scope: true } as const
const knownToo = { ...known, knownVersion: true } as const

const request = getRequest.output.meta({ id: 'LeaveRequest' })
const requestSummary = listRequests.output.shape.items.element.meta({ id: 'LeaveRequestSummary' })

/** One's own leave. */
export const leaveOperations = {
  listMyBalances: query({
    summary: 'What one has of each leave type on a date, past or future',
    deadline: 3000,
    route: { method: 'GET', path: '/v1/me/leave/balances' },
    roles: everybody,
    input: listBalances.input.omit(known),
    output: listBalances.output,
    errors: listBalances.errors,
  }),
  getMyStatement: query({
    summary: getStatement.summary,
    deadline: 3000,
    route: { method: 'GET', path: '/v1/me/leave/balances/{typeId}/statement' },
    roles: everybody,
    input: getStatement.input.omit(known),
    output: getStatement.output,
    errors: getStatement.errors,
  }),
  getMySchedule: query({
    summary: 'One’s own working time and holidays, day by day, a year at most',
    deadline: 2000,
    route: { method: 'GET', path: '/v1/me/schedule' },
    roles: everybody,
    input: getSchedule.input.omit(known),
    output: getSchedule.output,
    errors: getSchedule.errors,
  }),
  previewMyLeave: query({
    summary: previewRequest.summary,
    deadline: 3000,
    route: { method: 'POST', path: '/v1/me/leave/preview' },
    roles: everybody,
    input: previewRequest.input.omit(knownToo),
    output: previewRequest.output.extend(names),
    errors: [...getEmployee.errors, ...previewRequest.errors],
  }),
  requestLeave: command({
    summary: submitRequest.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/me/leave/requests', status: 201 },
    roles: everybody,
    input: submitRequest.input.omit(knownToo),
    output: request,
    errors: [...getEmployee.errors, ...submitRequest.errors],
  }),
  listMyRequests: query({
    summary: 'One’s own requests, the latest first; or by the instant of their last change',
    deadline: 3000,
    route: { method: 'GET', path: '/v1/me/leave/requests' },
    roles: everybody,
    input: listRequests.input.omit(known).extend({ states: listOf(requestSummary.shape.state).optional() }),
    output: pageOf(requestSummary),
    errors: listRequests.errors,
  }),
  getMyRequest: query({
    summary: 'A request of one’s own, or one that waits for oneself',
    deadline: 2000,
    route: { method: 'GET', path: '/v1/me/leave/requests/{requestId}' },
    roles: everybody,
    input: getRequest.input.omit({ scope: true }),
    output: getRequest.output.extend(names),
    errors: getRequest.errors,
  }),
  cancelMyRequest: command({
    summary: cancelRequest.summary,
    deadline: 5000,
    route: {
      method: 'POST',
      path: '/v1/me/leave/requests/{requestId}/cancellation',
      ifMatch: 'expectedVersion',
    },
    roles: everybody,
    input: cancelRequest.input.omit({ scope: true }),
    output: request,
    errors: cancelRequest.errors,
  }),
  getMyTeamCalendar: query({
    summary: 'Who of the team is away when, without telling why; 62 days at most',
    deadline: 3000,
    route: { method: 'GET', path: '/v1/me/team-calendar' },
    roles: everybody,
    input: getTeamCalendar.input.omit({ of: true, scope: true }).extend({ limit: page.limit }),
    output: getTeamCalendar.output.extend(names),
    errors: getTeamCalendar.errors,
  }),
}
