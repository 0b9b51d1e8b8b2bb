import { contract } from '#kit/contract.ts'
import { feed } from '#kit/events.ts'
import { accountOperations } from './contract/accounts.ts'
import { configurationOperations } from './contract/configuration.ts'
import { peopleOperations } from './contract/people.ts'
import { problems } from './contract/problems.ts'
import { delegationOperations, requestOperations } from './contract/requests.ts'
import { scheduleOperations } from './contract/schedules.ts'

/** Time off: policies, calendars, the ledger of each employee's leave, requests and who decides them. */
export const leaveContract = contract({
  service: 'leave',
  layer: 'data',
  problems,
  operations: {
    ...configurationOperations,
    ...scheduleOperations,
    ...accountOperations,
    ...requestOperations,
    ...delegationOperations,
    ...peopleOperations,
    events: feed('What happened to leave requests, balances and their rules'),
  },
})
