import type { Handlers } from '#kit/server.ts'
import type { Clients } from '../clients.ts'
import type { leaveBalanceOperations } from '../contract/leave-balances.ts'
import { scoped } from '../scoped.ts'

export const leaveBalanceHandlers = (leave: Clients['leave']): Handlers<typeof leaveBalanceOperations> => ({
  listLeaveBalances: (input, call) => leave(call).listBalances(scoped(input, call)),
  getLeaveStatement: (input, call) => leave(call).getStatement(scoped(input, call)),
  grantLeave: (input, call) => leave(call).grantLeave(scoped(input, call)),
  adjustLeaveBalance: (input, call) => leave(call).adjustBalance(scoped(input, call)),
  grantLeaveByFile: (input, call) =>
    leave(call).grantLeaveByFile(input, call.body ? { body: call.body } : {}),
  startLeaveRun: (input, call) => leave(call).startLeaveRun(scoped(input, call)),
  getLeaveRun: (input, call) => leave(call).getLeaveRun(scoped(input, call)),
  listLeaveRuns: (input, call) => leave(call).listLeaveRuns(scoped(input, call)),
})
