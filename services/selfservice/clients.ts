import { clientOf } from '#kit/client.ts'
import { selfserviceService } from './service.ts'

export type Clients = ReturnType<typeof connect>

/** Clients of the declared callees; tests give other addresses. */
export const connect = (addresses: Partial<Record<'directory' | 'leave', string>> = {}) => ({
  directory: clientOf(selfserviceService, 'directory', addresses.directory),
  leave: clientOf(selfserviceService, 'leave', addresses.leave),
})
