import type { IncomingHttpHeaders } from 'node:http'
import { type Dispatcher, Pool } from 'undici'
import { DomainError } from '#kit/problem.ts'
import { bodyOf } from './body.ts'
import type { Exchange } from './exchange.ts'
import { outward } from './headers.ts'
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

  constructor(address: string) {
    const options = { keepAliveTimeout: 30_000, connectTimeout: 2000 }
    this.#quick = new Pool(address, { ...options, connections: 256 })
    this.#long = new Pool(address, { ...options, connections: maxLong.together })
  }

  /** Sends the request on, and the answer back as it comes: nothing is held in memory. */
  forward(exchange: Exchange, target: Target, headers: Record<string, string>, identity?: Identity): void {
    const forwarding = new Forwarding(exchange, target.service)
    if (target.isLong && identity) this.#watch(exchange, target, forwarding, identity)
    const pool = target.isLong ? this.#long : this.#quick
    pool.dispatch(
      {
        path: exchange.url,
        method: exchange.request.method!,
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
    response.once('close', () => {
      clearTimeout(timer)
      this.#open.delete(forwarding)
    })
  }

  endStreams(): void {
    for (const [forwarding, { isStream }] of this.#open) if (isStream) forwarding.end()
  }

  async close(): Promise<void> {
    await Promise.all([this.#quick.destroy(), this.#long.destroy()])
  }
}

const hungUp = new Error('The client hung up')
const ended = new Error('The edge ended the stream')

/** Carries one answer from the service to the client, and the client's hanging up to the service. */
class Forwarding implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange
  readonly #service: string
  #controller: Dispatcher.DispatchController | undefined
  #abortedBy: Error | undefined

  constructor(exchange: Exchange, service: string) {
    this.#exchange = exchange
    this.#service = service
    const { response } = exchange
    response.once('close', () => {
      if (!response.writableFinished) this.#abort(hungUp)
    })
  }

  /** Ends a stream in order: what is under way arrives, and the client opens it anew. */
  end(): void {
    const { response } = this.#exchange
    if (response.headersSent) response.end()
    else this.#exchange.refuse(new DomainError('unavailable', { detail: 'Ask again' }))
    this.#abort(ended)
  }

  #abort(reason: Error): void {
    this.#abortedBy ??= reason
    this.#controller?.abort(reason)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#abortedBy) controller.abort(this.#abortedBy)
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    const { response, headers: own } = this.#exchange
    if (status < 200 || this.#abortedBy) return
    response.writeHead(status, outward(headers, own))
    // The first event of a stream may be long in coming, its headers must not be.
    if (headers['content-length'] === undefined) response.flushHeaders()
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { response } = this.#exchange
    if (this.#abortedBy || response.write(chunk)) return
    controller.pause()
    response.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    if (this.#abortedBy) return
    this.#exchange.discardBody()
    this.#exchange.response.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#abortedBy) return
    const { response } = this.#exchange
    // A broken answer must look broken: it cannot be taken back.
    if (response.headersSent) response.destroy(error)
    else this.#exchange.refuse(upstreamProblem(error, this.#service))
  }
}

const unreachable = new Set([
  'ECONNREFUSED',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
])

function upstreamProblem(error: Error & { code?: string }, service: string): DomainError {
  if (error instanceof DomainError) return error
  if (error.code === 'UND_ERR_HEADERS_TIMEOUT') return new DomainError('deadline-exceeded', {}, error)
  if (error.code && unreachable.has(error.code))
    return new DomainError('unavailable', { detail: `${service} does not answer` }, error)
  return new DomainError('bad-gateway', { detail: `${service} broke off` }, error)
}
