import { service, uses } from '#kit/service.ts'
import { directoryContract } from '../directory/contract.ts'
import { identityContract } from '../identity/contract.ts'
import { leaveContract } from '../leave/contract.ts'
import { lifecycleContract } from './contract.ts'

export const lifecycleService = service({
  contract: lifecycleContract,
  database: {
    pool: 8,
    unscoped: {
      cursor: 'how far the feeds have been read; a feed spans tenants',
    },
    spanning: {
      'process.across_tenants': 'the worker takes what is due of any tenant, and operators see all',
      'export_page.across_tenants': 'operators read the export of the tenant that they name',
    },
  },
  worker: true,
  calls: {
    directory: uses(
      directoryContract,
      'getEmployee',
      'countReports',
      'exportEmployees',
      'exportOrgUnits',
      'listPositions',
      'eraseEmployee',
      'deleteTenantData',
      'events',
    ),
    identity: uses(
      identityContract,
      'createTenant',
      'getTenant',
      'suspendTenant',
      'resumeTenant',
      'deleteTenant',
      'exportAccounts',
      'getAccount',
      'getAccountByEmployee',
      'provisionAccount',
      'enableAccount',
      'disableAccount',
      'eraseAccount',
      'issueInvitation',
      'issueJobToken',
      'events',
    ),
    leave: uses(
      leaveContract,
      'putEmployee',
      'putEmployees',
      'eraseEmployee',
      'exportLeave',
      'exportLeaveSettings',
      'deleteTenantData',
      'events',
    ),
  },
  slo: { availability: 0.999, latency: { query: 300, command: 800 } },
  scaling: { min: 2, max: 4, cpu: 70 },
})
