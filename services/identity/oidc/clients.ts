import type { AdapterPayload } from 'oidc-provider'
import { backgroundCall } from '#kit/call.ts'
import type { Database } from '#kit/database.ts'
import { type Client, findClient } from '../store/clients.ts'

/** A client that may be used now; that of a suspended tenant may not. */
export async function usableClient(database: Database, id: string): Promise<Client | undefined> {
  if (!/^[\w-]{1,100}$/.test(id)) return undefined
  const call = backgroundCall({ service: 'identity', operation: 'oidc', deadline: 5000 })
  const client = await database.unscoped(call, (tx) => findClient(tx, id))
  return client?.isActive ? client : undefined
}

/** Client metadata (RFC 7591) of a row. */
export function metadataOf(client: Client, publicUrl: string): AdapterPayload {
  const { redirect_uris, post_logout_redirect_uris, ...metadata } = client.metadata
  const absolute = (uris: string[] = []) => uris.map((uri) => new URL(uri, publicUrl).href)
  return {
    client_id: client.id,
    client_name: client.name,
    ...metadata,
    redirect_uris: absolute(redirect_uris),
    post_logout_redirect_uris: absolute(post_logout_redirect_uris),
    ...(client.secretHash
      ? // Holds the hash: `compareClientSecret` hashes what comes before it compares.
        { client_secret: client.secretHash, grant_types: ['client_credentials'], response_types: [] }
      : {}),
  }
}
