import { expect, it } from 'vitest'
import { afterFailure } from './process.ts'

const now = new Date('2026-07-01T12:00:00Z')
const outage = { kind: 'outage', code: 'unavailable' } as const

it('waits longer after each outage, five minutes at most, and never gives up', () => {
  const pauses = [1, 2, 3, 10, 1000].map((attempts) => {
    const next = afterFailure(outage, attempts, now)
    if (next.state !== 'scheduled') throw new Error('gave up')
    return (next.at.getTime() - now.getTime()) / 1000
  })
  expect(pauses).toEqual([1, 2, 4, 300, 300])
})

it('stops at a refusal', () => {
  expect(afterFailure({ kind: 'refusal', code: 'email-taken' }, 1, now)).toEqual({
    state: 'stuck',
    why: 'email-taken',
  })
})

it('tries the unexpected a few times, then asks for somebody', () => {
  const unexpected = { kind: 'unexpected', code: 'internal' } as const
  expect(afterFailure(unexpected, 7, now)).toMatchObject({ state: 'scheduled', why: 'retry' })
  expect(afterFailure(unexpected, 8, now)).toEqual({ state: 'stuck', why: 'internal' })
})
