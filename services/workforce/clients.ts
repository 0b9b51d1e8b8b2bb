import { clientOf } from '#kit/client.ts'
import { workforceService } from './service.ts'

export type Clients = ReturnType<typeof connect>

/** Clients of the declared callees; tests give other addresses. */
export const connect = (addresses: Partial<Record<'directory' | 'identity' | 'leave', string>> = {}) => ({
  directory: clientOf(workforceService, 'directory', addresses.directory),
  identity: clientOf(workforceService, 'identity', addresses.identity),
  leave: clientOf(workforceService, 'leave', addresses.leave),
})
