import type { Call } from '#kit/call.ts'
import type { Handlers } from '#kit/server.ts'
import type { Clients } from '../clients.ts'
import type { accountOperations } from '../contract/accounts.ts'
import { scoped } from '../scoped.ts'

export const accountHandlers = (identity: Clients['identity']): Handlers<typeof accountOperations> => {
  /** Commands on accounts take no scope: they are for those who reach all, and aim at the account itself. */
  const accountIdOf = async (employeeId: string, call: Call) =>
    (await identity(call).getAccountByEmployee(scoped({ employeeId }, call))).id

  return {
    getAccount: (input, call) => identity(call).getAccountByEmployee(scoped(input, call)),
    async setRoles({ employeeId, ...input }, call) {
      const accountId = await accountIdOf(employeeId, call)
      return identity(call).setRoles({ accountId, ...input })
    },
    async issueInvitation({ employeeId }, call) {
      const accountId = await accountIdOf(employeeId, call)
      return identity(call).issueInvitation({ accountId })
    },
    async disableAccount({ employeeId, reason }, call) {
      const accountId = await accountIdOf(employeeId, call)
      return (await identity(call).disableAccount({ accountId, reason })).account
    },
    async enableAccount({ employeeId }, call) {
      const accountId = await accountIdOf(employeeId, call)
      return (await identity(call).enableAccount({ accountId })).account
    },
    async getAccountAuditTrail({ employeeId, ...page }, call) {
      const id = await accountIdOf(employeeId, call)
      return identity(call).getAuditTrail(scoped({ object: 'account', id, ...page }, call))
    },
  }
}
