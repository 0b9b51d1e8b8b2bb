import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { DomainError } from '#kit/problem.ts'
import type { Exchange } from './exchange.ts'
import { outward } from './headers.ts'

const hungUp = new Error('The client hung up')
const ended = new Error('The edge ended the stream')

/** Carries one answer from the service to the client, and the client's hanging up to the service. */
export class Forwarding implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange
  readonly #service: string
  #controller: Dispatcher.DispatchController | undefined
  #abortedBy: Error | undefined
  #isOver = false

  constructor(exchange: Exchange, service: string) {
    this.#exchange = exchange
    this.#service = service
    const { response } = exchange
    response.once('close', () => {
      if (!response.writableFinished) this.#abort(hungUp)
    })
  }

  /** Ends a stream in order, once it has begun: what is under way arrives, and the client opens it anew. */
  end(): void {
    this.#isOver = true
    const { response } = this.#exchange
    if (!response.headersSent) return
    response.end()
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
    if (this.#isOver) this.end()
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
