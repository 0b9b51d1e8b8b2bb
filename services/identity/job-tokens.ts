import { randomUUID } from 'node:crypto'
import { importJWK, SignJWT } from 'jose'
import type { Call } from '#kit/call.ts'
import { audiences } from '#kit/caller.ts'
import type { Database } from '#kit/database.ts'
import { type Answer, type Input, refuse } from './access.ts'
import type { IdentityConfig } from './config.ts'
import { readTenant } from './store/tenants.ts'

const lifetime = 300

/** The process manager's work for one tenant. A deleted tenant gets tokens too: others have to clean up after it. */
const subject = 'job:lifecycle'

export function issueJobToken(database: Database, { issuer, signingKeys }: IdentityConfig) {
  const [key] = signingKeys.keys
  const imported = importJWK(key!, 'RS256')
  return async (input: Input<'issueJobToken'>, call: Call): Promise<Answer<'issueJobToken'>> => {
    const tenant = await database.unscoped(call, (tx) => readTenant(tx, input.tenant))
    if (!tenant) throw refuse('tenant-not-found')
    const now = Math.floor(Date.now() / 1000)
    const token = await new SignJWT({ tid: tenant.id, azp: subject, scope: '', roles: [] })
      .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: key!.kid })
      .setIssuer(issuer)
      .setAudience(audiences.job)
      .setSubject(subject)
      .setJti(randomUUID())
      .setIssuedAt(now)
      .setExpirationTime(now + lifetime)
      .sign(await imported)
    return { token, expiresAt: new Date((now + lifetime) * 1000).toISOString() }
  }
}
