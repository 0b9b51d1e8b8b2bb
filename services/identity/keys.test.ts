import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readIdentityConfig } from './config.ts'
import {
  generateCookieKeys,
  generateSigningKeys,
  promoteNextKey,
  publicKeys,
  replaceFormerKey,
} from './keys.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'identity-keys-'))
})
afterAll(() => rm(dir, { recursive: true }))

async function file(name: string, content: unknown): Promise<string> {
  const path = join(dir, name)
  await writeFile(path, JSON.stringify(content))
  return path
}

describe('the keys', () => {
  it('are published without what is private', async () => {
    const { keys } = publicKeys(await generateSigningKeys())
    for (const key of keys) expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
  })

  it('rotate in two steps, so that each is published before it signs and after it did', async () => {
    const [first, second] = (await generateSigningKeys()).keys
    const promoted = promoteNextKey({ keys: [first!, second!] })
    expect(promoted.keys).toEqual([second, first])
    const { keys } = await replaceFormerKey(promoted)
    expect(keys[0]).toEqual(second)
    expect(keys).toHaveLength(2)
    expect(keys[1]!.kid).not.toBe(first!.kid)
  })
})

describe('the configuration', () => {
  const env = async () => ({
    PUBLIC_URL: 'https://hr.example.com/',
    SIGNING_KEYS_FILE: await file('signing.json', await generateSigningKeys()),
    COOKIE_KEYS_FILE: await file('cookies.json', generateCookieKeys()),
  })

  it('names the issuer under the edge', async () => {
    expect(readIdentityConfig(await env())).toMatchObject({
      publicUrl: 'https://hr.example.com',
      issuer: 'https://hr.example.com/oidc',
    })
  })

  it('has no default secret', async () => {
    const given = await env()
    for (const name of ['PUBLIC_URL', 'SIGNING_KEYS_FILE', 'COOKIE_KEYS_FILE'])
      expect(() => readIdentityConfig({ ...given, [name]: undefined })).toThrow(name)
  })

  it('refuses keys with which nothing could rotate, and weak cookie secrets', async () => {
    const given = await env()
    const { keys } = await generateSigningKeys()
    const one = await file('one.json', { keys: keys.slice(1) })
    expect(() => readIdentityConfig({ ...given, SIGNING_KEYS_FILE: one })).toThrow('at least two')
    const published = await file('public.json', publicKeys({ keys }))
    expect(() => readIdentityConfig({ ...given, SIGNING_KEYS_FILE: published })).toThrow('private')
    const weak = await file('weak.json', ['secret'])
    expect(() => readIdentityConfig({ ...given, COOKIE_KEYS_FILE: weak })).toThrow('32 characters')
  })
})
