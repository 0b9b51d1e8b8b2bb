import { type Client, clientOf } from '#kit/client.ts'
import { workforceService } from './service.ts'

type Calls = typeof workforceService.calls

export type Directory = Client<Calls['directory']>
export type Identity = Client<Calls['identity']>

/** Clients of the declared callees; tests give other addresses. */
export interface Clients {
  directory: Directory
  identity: Identity
}

export const declaredClients = (): Clients => ({
  directory: clientOf(workforceService, 'directory'),
  identity: clientOf(workforceService, 'identity'),
})
