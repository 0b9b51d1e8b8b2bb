import { type AppOptions, createApp } from '#kit/server.ts'
import { connect } from './clients.ts'
import { workforceContract } from './contract.ts'
import { accountHandlers } from './handlers/accounts.ts'
import { employeeHandlers } from './handlers/employees.ts'
import { importHandlers } from './handlers/imports.ts'
import { leaveBalanceHandlers } from './handlers/leave-balances.ts'
import { leaveRequestHandlers } from './handlers/leave-requests.ts'
import { leaveSettingHandlers } from './handlers/leave-settings.ts'
import { organizationHandlers } from './handlers/organization.ts'

/**
 * REST for HR administrators and managers. It decides how far the caller's roles reach and passes that down; the data
 * services enforce it again and keep the rules.
 */
export const createWorkforceApp = (options: AppOptions = {}, clients = connect()) =>
  createApp(
    workforceContract,
    {
      ...employeeHandlers(clients.directory),
      ...organizationHandlers(clients.directory),
      ...importHandlers(clients.directory),
      ...accountHandlers(clients.identity),
      ...leaveRequestHandlers(clients),
      ...leaveBalanceHandlers(clients.leave),
      ...leaveSettingHandlers(clients.leave),
    },
    options,
  )
