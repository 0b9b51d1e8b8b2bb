import { expect, it } from 'vitest'
import { jobTokens } from './tokens.ts'

it('keeps a token per tenant until shortly before it ends', async () => {
  let now = 0
  let issued = 0
  const tokenFor = jobTokens(
    async (tenant) => ({ token: `${tenant}${++issued}`, expiresAt: new Date(now + 300_000).toISOString() }),
    () => now,
  )
  expect(await tokenFor('a')).toBe('a1')
  expect(await tokenFor('b')).toBe('b2')
  now = 239_999
  expect(await tokenFor('a')).toBe('a1')
  now = 240_000
  expect(await tokenFor('a')).toBe('a3')
})

it('keeps no failure', async () => {
  let fails = true
  const tokenFor = jobTokens(async () => {
    if (fails) throw new Error('down')
    return { token: 't', expiresAt: new Date(Date.now() + 300_000).toISOString() }
  })
  await expect(tokenFor('a')).rejects.toThrow('down')
  fails = false
  expect(await tokenFor('a')).toBe('t')
})
