import { createHash } from 'node:crypto'
import type { Tx } from '#kit/tx.ts'
import type { Assignment } from '../domain/roles.ts'

export interface Client {
  id: string
  /** Null for the platform's own; a partner's machine client belongs to one tenant. */
  tenant: string | null
  /** Whether the tenant, where it has one, may be worked in. */
  isActive: boolean
  name: string
  secretHash: string | null
  roles: string[]
  metadata: {
    application_type?: 'web' | 'native'
    token_endpoint_auth_method?: 'none'
    grant_types?: string[]
    response_types?: 'code'[]
    redirect_uris?: string[]
    post_logout_redirect_uris?: string[]
  }
}

export async function findClient(tx: Tx, id: string): Promise<Client | undefined> {
  const [row] = await tx.query<Client>(
    `select c.id, c.tenant, c.name, c.secret_hash as "secretHash", c.roles, c.metadata,
       c.tenant is null or t.status = 'active' as "isActive"
     from client c left join tenant t on t.id = c.tenant where c.id = $1`,
    [id],
    'client_find',
  )
  return row
}

export interface MachineClient {
  clientId: string
  name: string
  roles: string[]
  createdAt: Date
}

const machineColumns = `id as "clientId", name, roles, created_at as "createdAt"`

/** Made again with the same id it gets another secret: the answer that told the first was lost. */
export async function saveMachineClient(
  tx: Tx,
  client: { id: string; name: string; roles: readonly Assignment[]; secret: string },
): Promise<MachineClient> {
  const [row] = await tx.query<MachineClient>(
    `insert into client (id, tenant, name, secret_hash, roles) values ($1, $2, $3, $4, $5)
     on conflict (id) do update set secret_hash = excluded.secret_hash where client.tenant = excluded.tenant
     returning ${machineColumns}`,
    [
      client.id,
      tx.tenant,
      client.name,
      hashSecret(client.secret),
      client.roles.map(({ role, reach }) => `${role}:${reach}`),
    ],
  )
  return row!
}

export async function deleteMachineClient(tx: Tx, id: string): Promise<MachineClient | undefined> {
  const [row] = await tx.query<MachineClient>(
    `delete from client where id = $1 and tenant = $2 returning ${machineColumns}`,
    [id, tx.tenant],
  )
  return row
}

export async function listMachineClients(tx: Tx): Promise<MachineClient[]> {
  return tx.query<MachineClient>(
    `select ${machineColumns} from client where tenant = $1 order by created_at, id`,
    [tx.tenant],
  )
}

export const hashSecret = (secret: string) => createHash('sha256').update(secret).digest('base64url')
