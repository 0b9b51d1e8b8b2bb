import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Issuer, startIssuer } from './fixtures/issuer.ts'
import { TokenVerifier } from './token.ts'

describe('verifying tokens', () => {
  let issuer: Issuer
  let verifier: TokenVerifier
  const verify = (token: string) => verifier.verify(`Bearer ${token}`)

  beforeEach(async () => {
    issuer = await startIssuer()
    verifier = new TokenVerifier(issuer)
  })
  afterEach(() => {
    vi.useRealTimers()
    verifier.close()
    issuer.close()
  })

  it('fetches the keys once for many tokens', async () => {
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, i) => issuer.sign({ sub: `account-${i}` })),
    )
    await Promise.all(tokens.map(verify))
    expect(issuer.fetches()).toBe(1)
  })

  it('knows a token again without a second look at its signature', async () => {
    const token = await issuer.sign()
    const identity = await verify(token)
    expect(verify(token)).toBe(identity)
  })

  it('forgets a token when it expires', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const token = await issuer.sign()
    await verify(token)
    vi.setSystemTime(Date.now() + 606_000)
    await expect(verify(token)).rejects.toMatchObject({ details: { detail: 'The token has expired' } })
  })

  it('takes a new key as soon as a token names it, but lets nobody ask for keys at will', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const old = await issuer.sign()
    await verify(old)
    await issuer.rotate()
    vi.setSystemTime(Date.now() + 11_000)
    await verify(await issuer.sign())
    await verify(old)
    expect(issuer.fetches()).toBe(2)
    for (let i = 0; i < 10; i++)
      await expect(verify(await issuer.sign({}, { kid: `unknown-${i}` }))).rejects.toMatchObject({
        code: 'unauthenticated',
      })
    expect(issuer.fetches()).toBe(2)
  })

  it('refuses what a removed key has signed within a minute, known tokens too', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    verifier.close()
    verifier = new TokenVerifier(issuer)
    await verifier.isReady()
    const token = await issuer.sign()
    await verify(token)
    await issuer.rotate(true)
    vi.advanceTimersByTime(60_000)
    await vi.waitFor(async () => {
      await expect((async () => verify(token))()).rejects.toMatchObject({ code: 'unauthenticated' })
    })
  })

  it('keeps its keys while identity is away, and says so when it has none', async () => {
    const token = await issuer.sign()
    await verifier.isReady()
    issuer.close()
    await expect(verify(token)).resolves.toMatchObject({ key: expect.any(String) })
    const late = new TokenVerifier(issuer)
    expect(await late.isReady()).toBe(false)
    await expect(late.verify(`Bearer ${token}`)).rejects.toMatchObject({ code: 'unavailable' })
    late.close()
  })
})
