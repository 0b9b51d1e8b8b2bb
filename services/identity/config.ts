import { required } from '#kit/config.ts'
import { readCookieKeys, readSigningKeys, type SigningKeys } from './keys.ts'
import { oidcPath } from './service.ts'

/** Seconds that an access token lives; verifiers need the former key for as long after a rotation. */
export const accessTokenLifetime = 600

export interface IdentityConfig {
  /** The edge's address, as browsers see it. */
  publicUrl: string
  /** `iss` of all tokens. */
  issuer: string
  signingKeys: SigningKeys
  cookieKeys: string[]
}

export function readIdentityConfig(env: NodeJS.ProcessEnv = process.env): IdentityConfig {
  return identityConfig({
    publicUrl: required(env, 'PUBLIC_URL'),
    signingKeys: readSigningKeys(required(env, 'SIGNING_KEYS_FILE')),
    cookieKeys: readCookieKeys(required(env, 'COOKIE_KEYS_FILE')),
  })
}

export function identityConfig(given: Omit<IdentityConfig, 'issuer'>): IdentityConfig {
  const publicUrl = new URL(given.publicUrl).origin
  return { ...given, publicUrl, issuer: publicUrl + oidcPath }
}
