import { describe, expect, it } from 'vitest'
import { addressKey, Limiter, plainAddress } from './limiter.ts'

describe('a limiter', () => {
  const minute = 1_800_000_000_000

  it('counts each key down and starts anew with the next window', () => {
    const limiter = new Limiter({ requests: 2, seconds: 60 })
    expect(limiter.take('a', minute + 500)).toEqual({ limit: 2, remaining: 1, reset: 60, isExceeded: false })
    expect(limiter.take('a', minute + 30_000)).toEqual({
      limit: 2,
      remaining: 0,
      reset: 30,
      isExceeded: false,
    })
    expect(limiter.take('a', minute + 59_999)).toEqual({ limit: 2, remaining: 0, reset: 1, isExceeded: true })
    expect(limiter.take('b', minute + 59_999)).toMatchObject({ remaining: 1, isExceeded: false })
    expect(limiter.take('a', minute + 60_000)).toMatchObject({ remaining: 1, isExceeded: false })
  })

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['2001:db8::9', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
  ])('counts %s as %s', (address, key) => {
    expect(addressKey(address)).toBe(key)
  })

  it('sees an IPv4 address in IPv6 clothes', () => {
    expect(plainAddress('::ffff:192.0.2.1')).toBe('192.0.2.1')
    expect(plainAddress('2001:db8::1')).toBe('2001:db8::1')
  })
})
