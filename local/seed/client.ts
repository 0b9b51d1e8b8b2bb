import { randomUUIDv7 } from 'node:crypto'
import type { Call } from '#kit/call.ts'
import { callerFrom, encodeRoles, identityHeaders } from '#kit/caller.ts'
import { clientOf } from '#kit/client.ts'
import { contract } from '#kit/contract.ts'
import { service, uses } from '#kit/service.ts'
import { directoryContract } from '../../services/directory/contract.ts'
import { identityContract } from '../../services/identity/contract.ts'
import { leaveContract } from '../../services/leave/contract.ts'

/** What the seed calls, declared as a service declares it; it runs once and serves nothing. */
const seedService = service({
  contract: contract({ service: 'seed', layer: 'application', problems: {}, operations: {} }),
  calls: {
    identity: uses(identityContract, 'createTenant', 'provisionAccount', 'setRoles', 'issueInvitation'),
    directory: uses(
      directoryContract,
      'createImport',
      'uploadImportFile',
      'startImport',
      'getImport',
      'listImportErrors',
      'getOrgTree',
      'listPositions',
      'searchEmployees',
      'changeEmployee',
      'transferEmployee',
      'terminateEmployee',
      'rehireEmployee',
      'exportEmployees',
    ),
    leave: uses(
      leaveContract,
      'createWorkingPattern',
      'createHolidayCalendar',
      'addPublicHolidays',
      'createLeaveType',
      'createLeavePolicy',
      'putEmployee',
      'submitRequest',
      'decideRequest',
      'cancelRequest',
      'createDelegation',
    ),
  },
  slo: { availability: 0.9, latency: { query: 1000, command: 1000 } },
  scaling: { min: 1, max: 1, cpu: 100 },
})

export type Addresses = Record<'identity' | 'directory' | 'leave', string>

/** Who speaks; somebody of a company has an employee. */
interface Identity {
  tenant: string
  account: string
  employeeId?: string
}

export interface Clients {
  identity: ReturnType<ReturnType<typeof clientOf<typeof seedService, 'identity'>>>
  directory: ReturnType<ReturnType<typeof clientOf<typeof seedService, 'directory'>>>
  leave: ReturnType<ReturnType<typeof clientOf<typeof seedService, 'leave'>>>
}

/**
 * Clients that speak as an account of a tenant, past the edge: on the loopback address services take identity
 * headers from anybody, and before there is a first account nobody could log in.
 */
export function clientsAs(addresses: Addresses) {
  const identity = clientOf(seedService, 'identity', addresses.identity)
  const directory = clientOf(seedService, 'directory', addresses.directory)
  const leave = clientOf(seedService, 'leave', addresses.leave)
  return ({ tenant, account, employeeId }: Identity, ...roles: string[]): Clients => {
    const headers = new Map<string, string>([
      [identityHeaders.tid, tenant],
      [identityHeaders.sub, account],
      [identityHeaders.azp, 'seed'],
      ...(employeeId ? [[identityHeaders.emp, employeeId] as const] : []),
      [identityHeaders.roles, encodeRoles(roles)],
    ])
    const caller = callerFrom((name) => headers.get(name))!
    const call: Call = {
      service: 'seed',
      operation: 'seed',
      caller,
      deadline: Date.now() + 60_000,
      signal: AbortSignal.timeout(60_000),
      idempotencyKey: randomUUIDv7(),
      requestId: randomUUIDv7(),
      traceparent: undefined,
    }
    return { identity: identity(call), directory: directory(call), leave: leave(call) }
  }
}

/** Every item of a list that comes in pages. */
export async function all<T>(
  page: (cursor: { cursor?: string }) => Promise<{ items: T[]; next: string | null }>,
): Promise<T[]> {
  const items: T[] = []
  let cursor: string | null | undefined
  do {
    const answer = await page(cursor ? { cursor } : {})
    items.push(...answer.items)
    cursor = answer.next
  } while (cursor)
  return items
}
