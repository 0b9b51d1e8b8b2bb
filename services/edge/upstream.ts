import { Pool } from 'undici'
import { DomainError } from '#kit/problem.ts'
import { bodyOf } from './body.ts'
import type { Exchange } from './exchange.ts'
import { Forwarding } from './forwarding.ts'
import type { Target } from './routes.ts'
import type { Identity } from './token.ts'

/** Services send a heartbeat on a stream every 15 s. */
const silence = 60_000

/** Node's timers fire at once beyond this. */
const longestTimer = 2 ** 31 - 1

/** How many streams and uploads one caller, and all together, may have open at a time. */
const maxLong = { perCaller: 20, together: 1000 }

/** One service behind the edge. */
export class Upstream {
  readonly #quick: Pool
  /** Streams and uploads last as long as the client likes: they keep no connection from the others. */
  readonly #long: Pool
  readonly #open = new Map<Forwarding, { caller: string; isStream: boolean }>()
  #isDraining = false

  constructor(address: string) {
    const options = { keepAliveTimeout: 30_000, connectTimeout: 2000 }
    this.#quick = new Pool(address, { ...options, connections: 256 })
    this.#long = new Pool(address, { ...options, connections: maxLong.together })
  }

  /** Sends the request on, and the answer back as it comes: nothing is held in memory. */
  forward(exchange: Exchange, target: Target, headers: Record<string, string>, identity?: Identity): void {
    // Hung up while its token was looked at.
    if (exchange.response.destroyed) return
    const forwarding = new Forwarding(exchange, target.service)
    if (target.isLong && identity) this.#watch(exchange, target, forwarding, identity)
    const pool = target.isLong ? this.#long : this.#quick
    pool.dispatch(
      {
        path: exchange.url,
        // A HEAD is a GET whose body stays here: callees admit what is declared.
        method: exchange.request.method === 'HEAD' ? 'GET' : exchange.request.method!,
        headers,
        body: bodyOf(exchange, target),
        headersTimeout: target.patience,
        bodyTimeout: silence,
      },
      forwarding,
    )
  }

  /** Counts what stays open. A stream ends with the token that opened it, and when the edge drains. */
  #watch(
    { response }: Exchange,
    { isStream }: Target,
    forwarding: Forwarding,
    { key: caller, validUntil }: Identity,
  ): void {
    const ofCaller = [...this.#open.values()].filter((open) => open.caller === caller).length
    if (ofCaller >= maxLong.perCaller)
      throw new DomainError('too-many-requests', {
        detail: `At most ${maxLong.perCaller} streams and uploads at a time`,
      })
    if (this.#open.size >= maxLong.together) throw new DomainError('unavailable')
    const left = Math.min(validUntil - Date.now(), longestTimer)
    const timer = isStream ? setTimeout(() => forwarding.end(), left) : undefined
    this.#open.set(forwarding, { caller, isStream })
    if (isStream && this.#isDraining) forwarding.end()
    response.once('close', () => {
      clearTimeout(timer)
      this.#open.delete(forwarding)
    })
  }

  /** Those that are opened yet end when they begin. */
  endStreams(): void {
    this.#isDraining = true
    for (const [forwarding, { isStream }] of this.#open) if (isStream) forwarding.end()
  }

  async close(): Promise<void> {
    await Promise.all([this.#quick.destroy(), this.#long.destroy()])
  }
}
