import { contract } from '#kit/contract.ts'
import { directoryContract } from '../directory/contract.ts'
import { identityContract } from '../identity/contract.ts'
import { leaveContract } from '../leave/contract.ts'
import { accountOperations } from './contract/accounts.ts'
import { employeeOperations } from './contract/employees.ts'
import { importOperations } from './contract/imports.ts'
import { leaveBalanceOperations } from './contract/leave-balances.ts'
import { leaveRequestOperations } from './contract/leave-requests.ts'
import { leaveSettingOperations } from './contract/leave-settings.ts'
import { organizationOperations } from './contract/organization.ts'

/** What HR administrators and managers do with the people of their company. */
export const workforceContract = contract({
  service: 'workforce',
  layer: 'application',
  // The rules are those of the data services; their problems are passed on as they are.
  problems: { ...directoryContract.problems, ...identityContract.problems, ...leaveContract.problems },
  operations: {
    ...employeeOperations,
    ...organizationOperations,
    ...importOperations,
    ...accountOperations,
    ...leaveRequestOperations,
    ...leaveBalanceOperations,
    ...leaveSettingOperations,
  },
})
