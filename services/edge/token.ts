import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify, type RemoteJWKSet } from 'jose'
import { audiences, encodeRoles, identityHeaders } from '#kit/caller.ts'
import { log } from '#kit/log.ts'
import { DomainError } from '#kit/problem.ts'

/** Whom a verified token stands for. */
export interface Identity {
  /** The account and the client, whichever token it shows. */
  key: string
  /** Milliseconds since the epoch; leeway included. */
  validUntil: number
  /** The claims, as services expect them. */
  headers: Readonly<Record<string, string>>
}

/** Seconds that clocks may differ. */
const leeway = 5
const refreshInterval = 60_000
/** An unknown `kid` fetches the keys anew, but not more often than this. */
const cooldown = 10_000
/** Verifying costs more than the rest of the edge together, and a client shows its token many times. */
const remembered = 5000

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const visible = /^[\x21-\x7e]{1,200}$/

/** Verifies access tokens for users with the keys that identity publishes. */
export class TokenVerifier {
  readonly #keys: RemoteJWKSet
  readonly #issuer: string
  readonly #timer: NodeJS.Timeout
  readonly #known = new Map<string, Identity>()
  #keysKnown = ''

  constructor(options: { jwks: URL; issuer: string }) {
    this.#issuer = options.issuer
    // Keys are refreshed in the background and don't expire, so that a pause of identity keeps nobody out.
    this.#keys = createRemoteJWKSet(options.jwks, { cacheMaxAge: Infinity, cooldownDuration: cooldown })
    const complain = (error: unknown) => log.warn({ err: error }, 'cannot fetch the keys of identity')
    this.#timer = setInterval(() => this.#refresh().catch(complain), refreshInterval).unref()
  }

  /** Whether there are keys to verify with. */
  async isReady(): Promise<boolean> {
    // Identity may come up later than the edge: until then it is asked again, and nothing is wrong.
    if (!this.#keys.jwks()) await this.#refresh().catch(() => {})
    return this.#keys.jwks() !== undefined
  }

  async #refresh(): Promise<void> {
    await this.#keys.reload()
    const keys = JSON.stringify(this.#keys.jwks())
    // What was verified with a key that is gone must be refused again.
    if (keys !== this.#keysKnown) this.#known.clear()
    this.#keysKnown = keys
  }

  /** The identity of an `Authorization` header: at once where the token is known. Throws `unauthenticated`. */
  verify(authorization: string | undefined): Identity | Promise<Identity> {
    const token = /^bearer +([\w.~+/-]+=*)$/i.exec(authorization ?? '')?.[1]
    if (!token) throw new DomainError('unauthenticated', { detail: 'Send Authorization: Bearer <token>' })
    const known = this.#known.get(token)
    if (known && known.validUntil > Date.now()) return known
    return this.#verify(token)
  }

  async #verify(token: string): Promise<Identity> {
    let payload: JWTPayload
    try {
      ;({ payload } = await jwtVerify(
        token,
        (header, jws) => {
          if (!header.kid) throw new errors.JWKSNoMatchingKey('The token names no key')
          return this.#keys(header, jws)
        },
        {
          algorithms: ['RS256'],
          issuer: this.#issuer,
          audience: audiences.user,
          clockTolerance: leeway,
          requiredClaims: ['exp', 'sub', 'tid', 'azp'],
        },
      ))
    } catch (error) {
      throw refusal(error)
    }
    const identity = identityOf(payload)
    if (this.#known.size >= remembered) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(token, identity)
    return identity
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

function identityOf(claims: JWTPayload): Identity {
  const { sub, tid, azp, emp, roles = [] } = claims
  // A token for others too could be taken from here and shown to them.
  if (Array.isArray(claims.aud) && claims.aud.length > 1) throw invalid('aud')
  if (!isVisible(sub) || sub.startsWith('job:')) throw invalid('sub')
  if (typeof tid !== 'string' || !uuid.test(tid)) throw invalid('tid')
  if (!isVisible(azp)) throw invalid('azp')
  if (emp !== undefined && !isVisible(emp)) throw invalid('emp')
  if (!Array.isArray(roles) || !roles.every((role) => typeof role === 'string')) throw invalid('roles')
  return {
    key: `${sub} ${azp}`,
    validUntil: (claims.exp! + leeway) * 1000,
    headers: {
      [identityHeaders.sub]: sub,
      [identityHeaders.tid]: tid,
      [identityHeaders.azp]: azp,
      ...(emp ? { [identityHeaders.emp]: emp } : {}),
      [identityHeaders.roles]: encodeRoles(roles),
    },
  }
}

const isVisible = (value: unknown): value is string => typeof value === 'string' && visible.test(value)

const invalid = (claim: string) =>
  new DomainError('unauthenticated', { detail: `The token's claim ${claim} is not valid` })

/** What is wrong with a token, or that it can't be told because identity doesn't answer. */
function refusal(error: unknown): DomainError {
  if (error instanceof errors.JWTExpired)
    return new DomainError('unauthenticated', { detail: 'The token has expired' }, error)
  if (error instanceof errors.JWTClaimValidationFailed) return invalid(error.claim)
  const isKeyless =
    !(error instanceof errors.JOSEError) ||
    error instanceof errors.JWKSTimeout ||
    error.code === errors.JOSEError.code
  if (isKeyless) return new DomainError('unavailable', { detail: 'Tokens cannot be checked now' }, error)
  return new DomainError('unauthenticated', { detail: 'The token is not valid' }, error)
}
