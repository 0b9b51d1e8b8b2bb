import { service, uses } from '#kit/service.ts'
import { directoryContract } from '../directory/contract.ts'
import { leaveContract } from '../leave/contract.ts'
import { selfserviceContract } from './contract.ts'

export const selfserviceService = service({
  contract: selfserviceContract,
  calls: {
    directory: uses(directoryContract, 'getEmployee', 'getNames'),
    leave: uses(
      leaveContract,
      'listBalances',
      'getStatement',
      'getSchedule',
      'previewRequest',
      'submitRequest',
      'listRequests',
      'getRequest',
      'cancelRequest',
      'getTeamCalendar',
      'listApprovals',
      'decideRequest',
      'createDelegation',
      'endDelegation',
      'listDelegations',
    ),
  },
  slo: { availability: 0.999, latency: { query: 300, command: 800 } },
  scaling: { min: 2, max: 10, cpu: 70 },
})
