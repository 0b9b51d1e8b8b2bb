import { createHash, randomBytes, randomUUIDv7 } from 'node:crypto'
import type { Tx } from '#kit/database.ts'
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

/** A machine client of a partner: client credentials, with roles of its own. The secret is told once. */
export async function insertMachineClient(
  tx: Tx,
  client: { tenant: string; name: string; roles: readonly Assignment[] },
): Promise<{ clientId: string; clientSecret: string }> {
  const clientId = randomUUIDv7()
  const clientSecret = randomBytes(32).toString('base64url')
  await tx.query('insert into client (id, tenant, name, secret_hash, roles) values ($1, $2, $3, $4, $5)', [
    clientId,
    client.tenant,
    client.name,
    hashSecret(clientSecret),
    client.roles.map(({ role, reach }) => `${role}:${reach}`),
  ])
  return { clientId, clientSecret }
}

export const hashSecret = (secret: string) => createHash('sha256').update(secret).digest('base64url')
