import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'

/** Private RSA keys as a JWKS: the first signs, the others are published so that every verifier knows them in time. */
export interface SigningKeys {
  keys: (JWK & { kid: string })[]
}

/** The current key and the next one. */
export async function generateSigningKeys(): Promise<SigningKeys> {
  return { keys: [await generateSigningKey(), await generateSigningKey()] }
}

/** First step of a rotation: the next key signs. The former stays published for what it has signed. */
export const promoteNextKey = ({ keys }: SigningKeys): SigningKeys => ({ keys: [...keys.slice(1), keys[0]!] })

/**
 * Second step, once the longest token lifetime plus skew has passed: the former key goes, a new next one comes. It
 * must be published for as long as verifiers keep a JWKS before it is promoted.
 */
export async function replaceFormerKey({ keys }: SigningKeys): Promise<SigningKeys> {
  return { keys: [...keys.slice(0, -1), await generateSigningKey()] }
}

async function generateSigningKey(): Promise<SigningKeys['keys'][number]> {
  const { privateKey } = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
  const jwk = await exportJWK(privateKey)
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), use: 'sig', alg: 'RS256' }
}

/** Secrets that sign cookies: the first signs, all verify. */
export const generateCookieKeys = (): string[] => [randomBytes(32).toString('base64url')]

export function readSigningKeys(file: string): SigningKeys {
  const { keys } = JSON.parse(readFileSync(file, 'utf8')) as SigningKeys
  if (
    !(keys?.length >= 2) ||
    !keys.every((key) => key.kid && key.kty === 'RSA' && key.d && key.alg === 'RS256')
  )
    throw new Error(`${file} must hold a JWKS with at least two private RS256 keys, each with its kid`)
  return { keys }
}

export function readCookieKeys(file: string): string[] {
  const keys: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (
    !Array.isArray(keys) ||
    keys.length === 0 ||
    !keys.every((key) => typeof key === 'string' && key.length >= 32)
  )
    throw new Error(`${file} must hold a JSON array of strings of at least 32 characters`)
  return keys
}

/** What may be published of the keys. */
export const publicKeys = ({ keys }: SigningKeys) => ({
  keys: keys.map(({ kty, kid, use, alg, n, e }) => ({ kty: kty!, kid, use: use!, alg: alg!, n: n!, e: e! })),
})
