import type { Call } from '#kit/call.ts'
import { eachRow } from '#kit/rows.ts'
import type { Handlers } from '#kit/server.ts'
import { leaveContract } from '../../leave/contract.ts'
import type { Clients } from '../clients.ts'
import type { leaveRequestOperations } from '../contract/leave-requests.ts'
import { scoped } from '../scoped.ts'

export const leaveRequestHandlers = ({
  directory,
  leave,
}: Clients): Handlers<typeof leaveRequestOperations> => {
  /** With the version in directory: where leave has not heard of it yet, it says so instead of guessing. */
  const known = async <I extends { employeeId: string }>(input: I, call: Call) => {
    const { employeeId } = input
    const { version: knownVersion } = await directory(call).getEmployee(scoped({ employeeId }, call))
    return scoped({ ...input, knownVersion }, call)
  }

  return {
    listLeaveRequests: (input, call) => leave(call).listRequests(scoped(input, call)),
    getLeaveRequest: (input, call) => leave(call).getRequest(scoped(input, call)),
    listLeaveApprovals: (input, call) => leave(call).listApprovals(scoped(input, call)),
    decideLeaveRequest: (input, call) => leave(call).decideRequest(scoped(input, call)),
    async decideLeaveRequests({ decisions }, call) {
      const client = leave(call)
      const rows = await eachRow(decisions, leaveContract.problems, (row) =>
        client.decideRequest(scoped(row, call), { step: row.requestId }),
      )
      return { results: rows.map((row, index) => ({ ...row, requestId: decisions[index]!.requestId })) }
    },
    previewLeaveFor: async (input, call) => leave(call).previewRequest(await known(input, call)),
    requestLeaveFor: async (input, call) => leave(call).submitRequest(await known(input, call)),
    cancelLeaveRequest: (input, call) => leave(call).cancelRequest(scoped(input, call)),
    getLeaveCalendar: (input, call) =>
      leave(call).getTeamCalendar(scoped({ ...input, of: 'reports' as const }, call)),
    listDelegations: (input, call) => leave(call).listDelegations(scoped(input, call)),
    createDelegation: ({ employeeId: delegatorId, ...input }, call) =>
      leave(call).createDelegation(scoped({ ...input, delegatorId }, call)),
    endDelegation: (input, call) => leave(call).endDelegation(scoped(input, call)),
  }
}
