import { type Call, scopeOf } from '#kit/call.ts'
import { DomainError } from '#kit/problem.ts'
import { eachRow } from '#kit/rows.ts'
import { type AppOptions, createApp, type Handlers } from '#kit/server.ts'
import { type Clients, connect } from './clients.ts'
import type { approvalOperations } from './contract/approvals.ts'
import type { leaveOperations } from './contract/leave.ts'
import type { profileOperations } from './contract/profile.ts'
import { selfserviceContract } from './contract.ts'

/** REST for everybody who works in a company. It adds who asks, and the names of others; the rules are below. */
export const createSelfserviceApp = (options: AppOptions = {}, clients = connect()) =>
  createApp(selfserviceContract, { ...profile(clients), ...leave(clients), ...approvals(clients) }, options)

/** The caller's employee, and the scope that reaches just that one. */
function own(call: Call) {
  const scope = scopeOf(call)
  if (scope.reach === 'all') throw new DomainError('forbidden')
  return { employeeId: scope.employeeId, scope }
}

const profile = ({ directory }: Clients): Handlers<typeof profileOperations> => ({
  getMyProfile: (input, call) => directory(call).getEmployee({ ...input, ...own(call) }),
})

const leave = ({ directory, leave }: Clients): Handlers<typeof leaveOperations> => {
  /** With the caller's version in directory: where leave has not heard of it yet, it says so instead of guessing. */
  const known = async <T>(input: T, call: Call) => {
    const { version: knownVersion } = await directory(call).getEmployee(own(call))
    return { ...input, ...own(call), knownVersion }
  }
  const withNames = naming(directory)

  return {
    listMyBalances: (input, call) => leave(call).listBalances({ ...input, ...own(call) }),
    getMyStatement: (input, call) => leave(call).getStatement({ ...input, ...own(call) }),
    getMySchedule: (input, call) => leave(call).getSchedule({ ...input, ...own(call) }),
    async previewMyLeave(input, call) {
      const preview = await leave(call).previewRequest(await known(input, call))
      const approvers = preview.approvers.map(({ approverId }) => approverId)
      return withNames(preview, approvers, call)
    },
    requestLeave: async (input, call) => leave(call).submitRequest(await known(input, call)),
    listMyRequests: (input, call) => leave(call).listRequests({ ...input, ...own(call) }),
    async getMyRequest(input, call) {
      const request = await leave(call).getRequest({ ...input, scope: scopeOf(call) })
      const approvers = request.approvals.flatMap(({ approverId, decidedBy }) => [approverId, decidedBy])
      return withNames(request, [request.employeeId, ...approvers], call)
    },
    cancelMyRequest: (input, call) => leave(call).cancelRequest({ ...input, scope: scopeOf(call) }),
    async getMyTeamCalendar(input, call) {
      const calendar = await leave(call).getTeamCalendar({ ...input, of: 'team', scope: scopeOf(call) })
      const people = calendar.people.map(({ employeeId }) => employeeId)
      return withNames(calendar, people, call)
    },
  }
}

const approvals = ({ directory, leave }: Clients): Handlers<typeof approvalOperations> => {
  const withNames = naming(directory)

  return {
    async listMyApprovals(input, call) {
      const queue = await leave(call).listApprovals({ ...input, scope: scopeOf(call) })
      const people = queue.items.map(({ employeeId }) => employeeId)
      return withNames(queue, people, call)
    },
    decideMyApproval: (input, call) => leave(call).decideRequest({ ...input, scope: scopeOf(call) }),
    async decideMyApprovals({ decisions }, call) {
      const client = leave(call)
      const scope = scopeOf(call)
      const rows = await eachRow(decisions, selfserviceContract.problems, (row) =>
        client.decideRequest({ ...row, scope }, { step: row.requestId }),
      )
      return { results: rows.map((row, index) => ({ ...row, requestId: decisions[index]!.requestId })) }
    },
    async listMyDelegations(input, call) {
      const delegations = await leave(call).listDelegations({ ...input, ...own(call) })
      const people = delegations.items.flatMap(({ delegatorId, delegateId }) => [delegatorId, delegateId])
      return withNames(delegations, people, call)
    },
    delegateApprovals(input, call) {
      const { employeeId: delegatorId, scope } = own(call)
      return leave(call).createDelegation({ ...input, delegatorId, scope })
    },
    endMyDelegation: (input, call) => leave(call).endDelegation({ ...input, scope: scopeOf(call) }),
  }
}

/** Adds the names of people to an answer that tells their ids. */
const naming =
  (directory: Clients['directory']) =>
  async <T>(answer: T, people: readonly (string | null)[], call: Call) => {
    const employeeIds = [...new Set(people)].filter((id) => id !== null)
    const { items } = await directory(call).getNames({ employeeIds, scope: scopeOf(call) })
    const names = Object.fromEntries(items.map(({ employeeId, displayName }) => [employeeId, displayName]))
    return { ...answer, names }
  }
