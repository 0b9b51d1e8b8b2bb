import type { IncomingHttpHeaders } from 'node:http'
import { Transform, type TransformCallback } from 'node:stream'
import { type Dispatcher, Pool } from 'undici'
import { DomainError } from '#kit/problem.ts'
import type { Exchange } from './exchange.ts'
import { outward } from './headers.ts'
import type { Target } from './routes.ts'

/** Services send a heartbeat on a stream every 15 s. */
const silence = 60_000

const bodyTooLarge = (limit: number) =>
  new DomainError('body-too-large', { detail: `At most ${limit} bytes` })

/** Refuses what announces a larger body than the target takes, before a byte of it is read. */
export function assertBody({ announced }: Exchange, target: Target): void {
  if (announced === undefined ? target.maxBody === 0 : announced > target.maxBody)
    throw bodyTooLarge(target.maxBody)
}

/** One service behind the edge. */
export class Upstream {
  readonly #pool: Pool
  readonly #streams = new Set<Forwarding>()

  constructor(address: string) {
    this.#pool = new Pool(address, { connections: 256, keepAliveTimeout: 30_000, connectTimeout: 2000 })
  }

  /** Sends the request on, and the answer back as it comes: nothing is held in memory. */
  forward(
    exchange: Exchange,
    target: Target,
    headers: Record<string, string>,
    validUntil = Number.POSITIVE_INFINITY,
  ): void {
    const forwarding = new Forwarding(exchange, target.service)
    if (target.isStream) this.#watch(exchange, forwarding, validUntil)
    this.#pool.dispatch(
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

  /** A stream ends with the token that opened it, and when the edge drains. */
  #watch({ response }: Exchange, forwarding: Forwarding, validUntil: number): void {
    const left = Math.min(validUntil - Date.now(), 2 ** 31 - 1)
    const timer = setTimeout(() => forwarding.end(), left)
    this.#streams.add(forwarding)
    response.once('close', () => {
      clearTimeout(timer)
      this.#streams.delete(forwarding)
    })
  }

  endStreams(): void {
    for (const forwarding of this.#streams) forwarding.end()
  }

  close(): Promise<void> {
    return this.#pool.destroy()
  }
}

function bodyOf(exchange: Exchange, target: Target): Transform | null {
  const { request, response, announced } = exchange
  if (announced === 0 || target.maxBody === 0) return null
  // The client waits for this word before it sends the body, and gets it only now that nothing is against it.
  if (request.headers.expect) response.writeContinue()
  return request.pipe(new Gauge(target.maxBody))
}

/** Passes a body on up to a limit. */
class Gauge extends Transform {
  #left: number
  readonly #limit: number

  constructor(limit: number) {
    super()
    this.#limit = limit
    this.#left = limit
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#left -= chunk.byteLength
    if (this.#left < 0) done(bodyTooLarge(this.#limit))
    else done(null, chunk)
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
