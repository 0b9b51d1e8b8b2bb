import { createPublicKey, randomUUID } from 'node:crypto'
import { importJWK, type JWTPayload, SignJWT } from 'jose'
import { audiences } from '#kit/caller.ts'
import { filesSecret } from '../../../charts/service.ts'
import { namespaces } from '../../../mesh/resource.ts'
import type { SigningKeys } from '../../../services/identity/keys.ts'
import { oidcPath } from '../../../services/identity/service.ts'
import { publicUrl } from './edge.ts'
import { read } from './kubernetes.ts'

export const issuer = publicUrl + oidcPath

/** The Secret with the private keys that sign in this cluster. */
export const keysSecret = filesSecret('identity')

type Key = SigningKeys['keys'][number]

/** The private keys, the one that signs first: whoever runs the proofs administers the cluster. */
export async function signingKeys(): Promise<Key[]> {
  const { data } = await read('secrets', namespaces.services, keysSecret)
  return (JSON.parse(Buffer.from(data!['signing-keys.json']!, 'base64').toString()) as SigningKeys).keys
}

/** Claims as identity would write them, for a person of a tenant that nobody has made. */
export function claimsOf(claims: JWTPayload = {}): JWTPayload {
  const now = Math.floor(Date.now() / 1000)
  return {
    iss: issuer,
    aud: audiences.user,
    sub: randomUUID(),
    tid: randomUUID(),
    azp: 'conformance',
    scope: '',
    roles: [],
    iat: now,
    exp: now + 600,
    jti: randomUUID(),
    ...claims,
  }
}

/** A token that a key signs; one of identity's, unless another is put under its name. */
export const sign = async (key: Key, claims: JWTPayload = {}) =>
  new SignJWT(claimsOf(claims))
    .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: key.kid })
    .sign(await importJWK(key, 'RS256'))

/** The public half as a file, which a careless verifier might take for a shared secret. */
export const publicPem = (key: Key) =>
  String(createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }))
