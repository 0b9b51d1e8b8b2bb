import { contract } from '#kit/contract.ts'
import { directoryContract } from '../directory/contract.ts'
import { leaveContract } from '../leave/contract.ts'
import { approvalOperations } from './contract/approvals.ts'
import { leaveOperations } from './contract/leave.ts'
import { profileOperations } from './contract/profile.ts'

/** What everybody who works in a company does for themselves, managers too. */
export const selfserviceContract = contract({
  service: 'selfservice',
  layer: 'application',
  // The rules are those of the data services; their problems are passed on as they are.
  problems: { ...directoryContract.problems, ...leaveContract.problems },
  operations: {
    ...profileOperations,
    ...leaveOperations,
    ...approvalOperations,
  },
})
