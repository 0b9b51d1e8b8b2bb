import { randomUUID } from 'node:crypto'
import { generateKeyPair, importJWK, type JWK, SignJWT } from 'jose'
import { audiences } from '#kit/caller.ts'
import type { RotationConfig } from './config.ts'
import type { Answer, Io } from './io.ts'

/** How often each is asked in a row: with 8 replicas that are taken at random one is left out in 1 of 200 cases. */
export const asks = 40

/** Seconds. */
const lifetime = 60

/** What a token says whose bearer is nobody: a tenant that does not exist, and no roles. */
const nobody = { tid: randomUUID(), azp: 'key-rotation', scope: '', roles: [] }

let made: Promise<CryptoKey> | undefined
/** A private key that nobody publishes. */
const foreignKey = () => {
  made ??= generateKeyPair('RS256').then(({ privateKey }) => privateKey)
  return made
}

/**
 * Who does not take a token that is signed by the key, with the answer, or undefined if all do.
 *
 * Every sidecar is asked for a path that the mesh lets this Job use nowhere: 401 is an unknown key, 403 is a known one
 * and a caller without rights. That it is the key which makes the difference shows a token of a foreign key, which must
 * be 401. Replicas are those that the mesh chooses; one in another zone is asked only where none is nearer.
 */
export async function refusing(
  config: RotationConfig,
  io: Io,
  key: JWK & { kid: string },
): Promise<string | undefined> {
  const token = await sign(await importJWK(key, 'RS256'), key.kid, config, io)
  const foreign = await sign(await foreignKey(), key.kid, config, io)
  const bearer = (shown: string) => ({ headers: { authorization: `Bearer ${shown}` } })
  for (const service of config.services) {
    const url = `http://${service}.${config.namespace}.svc.cluster.local/`
    const found = await differing(
      (shown) => io.mesh(url, bearer(shown)),
      token,
      foreign,
      (status) => status === 403,
    )
    if (found) return `the sidecar of ${service} answers ${found}`
  }
  // Behind the edge a service may think what it likes of nobody.
  const passed = (status: number) => status >= 200 && status < 500 && status !== 401 && status !== 429
  const found = await differing((shown) => io.edge(config.edge.path, bearer(shown)), token, foreign, passed)
  return found && `the edge answers ${found}`
}

async function differing(
  ask: (token: string) => Promise<Answer>,
  token: string,
  foreign: string,
  isTaken: (status: number) => boolean,
): Promise<string | undefined> {
  const control = await ask(foreign)
  if (control.status !== 401) return `${told(control)} to a key that is not ours, instead of 401`
  for (let asked = 0; asked < asks; asked++) {
    const answer = await ask(token)
    if (!isTaken(answer.status)) return told(answer)
  }
  return undefined
}

const told = ({ status, body }: Answer) => `${status || 'nothing'} (${body.slice(0, 200)})`

const sign = (key: Parameters<SignJWT['sign']>[0], kid: string, { issuer }: RotationConfig, { now }: Io) =>
  new SignJWT(nobody)
    .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid })
    .setIssuer(issuer)
    .setAudience(audiences.user)
    .setSubject('key-rotation')
    .setJti(randomUUID())
    .setIssuedAt(Math.floor(now() / 1000))
    .setExpirationTime(Math.floor(now() / 1000) + lifetime)
    .sign(key)
