import { describe, expect, it } from 'vitest'
import { type Subject, samplesOf } from './subject.ts'
import { type Answer, ask, expectProblem } from './wire.ts'

const numbers = ({ headers }: Answer) =>
  ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'].map((name) => Number(headers[name]))

/**
 * Asks until nothing is left; a window of the clock may end in between, so up to twice the limit. A service behind may
 * refuse earlier, who asks so fast, for the share of the tenant: that is another quota.
 */
async function exhaust(once: () => Promise<Answer>): Promise<Answer> {
  const [limit] = numbers(await once())
  for (let sent = 0; sent < limit! * 2 + 50; sent += 10) {
    const answers = await Promise.all(Array.from({ length: 10 }, once))
    const refused = answers.find((answer) => answer.status === 429 && numbers(answer)[1] === 0)
    if (refused) return refused
  }
  throw new Error(`More than ${limit! * 2} requests were not refused`)
}

function expectRefusal(answer: Answer): void {
  expectProblem(answer, 'too-many-requests')
  const [limit, remaining, reset] = numbers(answer)
  expect(limit).toBeGreaterThan(0)
  expect(remaining).toBe(0)
  expect(reset).toBeGreaterThan(0)
  const retryAfter = Number(answer.headers['retry-after'])
  expect(retryAfter).toBeGreaterThan(0)
  expect(retryAfter).toBeLessThanOrEqual(reset!)
}

/** How much one caller may ask. Comes last: it uses quotas up. */
export function limitSuite(subject: () => Subject): void {
  describe('a quota', () => {
    const get = async (who: 'hr-admin' | 'spendthrift') =>
      ask(subject().url, { path: samplesOf(subject().services).list.path, token: await subject().token(who) })

    it('is told in each answer, and falls', async () => {
      const [limit, remaining, reset] = numbers(await get('hr-admin'))
      expect(limit).toBeGreaterThan(0)
      expect(remaining).toBeLessThan(limit!)
      expect(reset).toBeGreaterThan(0)
      const [, after, resetAfter] = numbers(await get('hr-admin'))
      // A new window may have begun in between.
      expect(after! < remaining! || resetAfter! >= reset!).toBe(true)
    })

    it('of one token ends with 429, and leaves others alone', async () => {
      const token = await subject().token('spendthrift')
      const { path } = samplesOf(subject().services).list
      expectRefusal(await exhaust(() => ask(subject().url, { path, token })))
      expect((await get('hr-admin')).status).toBe(200)
    })

    it('of an address ends with 429 on the OAuth endpoints first', async ({ skip }) => {
      const { url, services, mayExhaust } = subject()
      const { publicForm } = samplesOf(services)
      if (!mayExhaust || !publicForm) return skip('others use this address too')
      const post = () =>
        ask(url, {
          method: 'POST',
          path: publicForm.path,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: 'grant_type=none',
        })
      expectRefusal(await exhaust(post))
      expect((await get('hr-admin')).status).toBe(200)
    })

    it('cannot be stretched by claiming another address', async ({ skip }) => {
      const { url, services, mayExhaust } = subject()
      const { publicForm } = samplesOf(services)
      if (!mayExhaust || !publicForm) return skip('others use this address too')
      let last = 0
      const answer = await exhaust(() =>
        ask(url, {
          method: 'POST',
          path: publicForm.path,
          headers: { 'x-forwarded-for': `192.0.2.${++last % 250}`, 'x-real-ip': `192.0.2.${last % 250}` },
        }),
      )
      expectRefusal(answer)
    })
  })
}
