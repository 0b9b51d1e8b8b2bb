import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logInByForm } from '../fixtures/login.ts'
import { company, password, startIdentity, type TestServer } from '../fixtures/server.ts'
import { promoteNextKey, replaceFormerKey } from '../keys.ts'

let server: TestServer
let admin: Awaited<ReturnType<typeof company>>
beforeAll(async () => {
  server = await startIdentity()
  admin = await company(server, 'umbrella')
})
afterAll(() => server.close())

const logIn = async () =>
  (await logInByForm(server.url, { company: admin.slug, email: admin.email, password })).access_token

describe('the JWKS', () => {
  it('has two keys and nothing private', async () => {
    const { keys } = (await (await fetch(`${server.config.issuer}/jwks`)).json()) as { keys: object[] }
    expect(keys).toHaveLength(2)
    for (const key of keys) expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
  })
})

describe('a rotation under load', () => {
  it('refuses no valid token, though verifiers keep a JWKS', async () => {
    // A verifier as they are: it has fetched the JWKS before and asks again only for a key it does not know; that it
    // need never do so is the point of publishing the next key early.
    const fetched: number[] = []
    const known = createRemoteJWKSet(new URL(`${server.config.issuer}/jwks`), { cooldownDuration: 600_000 })
    const tokens: string[] = []
    const failures: unknown[] = []
    let isOver = false
    const verify = (token: string) =>
      jwtVerify(token, known, { issuer: server.config.issuer, audience: 'staffmesh' }).catch((error) =>
        failures.push(error),
      )
    await verify(await logIn())
    expect(failures).toEqual([])

    const load = Array.from({ length: 3 }, async () => {
      while (!isOver) {
        try {
          const token = await logIn()
          tokens.push(token)
          await verify(token)
          // Those of before are still good.
          await verify(tokens[Math.floor(Math.random() * tokens.length)]!)
        } catch (error) {
          failures.push(error)
        }
        fetched.push(1)
      }
    })
    const more = async () => {
      const target = fetched.length + 8
      while (fetched.length < target) await new Promise((resolve) => setImmediate(resolve))
    }
    await more()
    // A rolling restart: old and new processes answer side by side.
    server.join(promoteNextKey(server.config.signingKeys))
    await more()
    server.leave()
    await more()
    isOver = true
    await Promise.all(load)

    expect(failures).toEqual([])
    const kids = new Set(tokens.map((token) => decodeProtectedHeader(token).kid))
    expect(kids.size).toBe(2)

    // Once the former key's tokens have expired it goes; what the new one signs is taken still.
    server.join(await replaceFormerKey(server.config.signingKeys))
    server.leave()
    await verify(await logIn())
    expect(failures).toEqual([])
  })
})
