import type { Context } from 'hono'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { audiences } from '#kit/caller.ts'
import type { Database } from '#kit/database.ts'
import type { IdentityConfig } from '../config.ts'
import { publicKeys } from '../keys.ts'
import { usableSubject, userClaims } from './subject.ts'

/**
 * The userinfo endpoint. The library's own takes only opaque tokens that name no audience; ours are JWTs for the API,
 * so the endpoint takes those, as RFC 9068 lets a resource server do.
 */
export function userinfo(database: Database, { issuer, signingKeys }: IdentityConfig) {
  const keys = createLocalJWKSet(publicKeys(signingKeys) satisfies JSONWebKeySet)
  return async (c: Context): Promise<Response> => {
    const token = /^Bearer ([\w.-]+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
    if (!token) return refuse(c, 401)
    const verified = await jwtVerify(token, keys, {
      issuer,
      audience: audiences.user,
      typ: 'at+jwt',
      algorithms: ['RS256'],
    }).catch(() => undefined)
    const subject = verified && (await usableSubject(database, verified.payload.sub ?? ''))
    if (!subject) return refuse(c, 401, 'invalid_token')
    const scopes = new Set(String(verified.payload.scope ?? '').split(' '))
    if (!scopes.has('openid')) return refuse(c, 403, 'insufficient_scope')
    c.header('cache-control', 'no-store')
    return c.json(userClaims(subject, scopes))
  }
}

function refuse(c: Context, status: 401 | 403, error?: string): Response {
  c.header('www-authenticate', `Bearer realm="staffmesh"${error ? `, error="${error}"` : ''}`)
  return c.json({ error: error ?? 'invalid_request' }, status)
}
