import { describe, expect, it } from 'vitest'
import { Limiter } from './limiter.ts'

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
})
