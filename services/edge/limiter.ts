import type { Quota } from '#kit/service.ts'

/** What is left of a quota, for the RateLimit headers. */
export interface Allowance {
  limit: number
  remaining: number
  /** Seconds until the window ends. */
  reset: number
  isExceeded: boolean
}

/**
 * Counts requests by key in windows of the clock. Memory is bounded by the keys of one window. Each replica of an edge
 * counts for itself.
 */
export class Limiter {
  readonly #quota: Quota
  readonly #counts = new Map<string, number>()
  #end = 0

  constructor(quota: Quota) {
    this.#quota = quota
  }

  take(key: string, now = Date.now()): Allowance {
    const window = this.#quota.seconds * 1000
    if (now >= this.#end) {
      this.#counts.clear()
      this.#end = now - (now % window) + window
    }
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    const { requests } = this.#quota
    return {
      limit: requests,
      remaining: Math.max(0, requests - count),
      reset: Math.ceil((this.#end - now) / 1000),
      isExceeded: count > requests,
    }
  }
}
