import { describe, expect, it } from 'vitest'
import { pauseAfter } from './throttle.ts'

describe('the pause after failed logins', () => {
  it('begins after a few, doubles and has an end', () => {
    expect([1, 5, 6, 7, 8, 9].map((n) => pauseAfter('account', n))).toEqual([0, 0, 1, 2, 4, 8])
    expect(pauseAfter('account', 5000)).toBe(60)
  })

  it('comes later for an address, which may be a whole office', () => {
    expect(pauseAfter('address', 50)).toBe(0)
    expect(pauseAfter('address', 51)).toBe(1)
    expect(pauseAfter('address', 5000)).toBe(900)
  })
})
