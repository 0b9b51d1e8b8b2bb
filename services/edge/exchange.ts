import type { IncomingMessage, ServerResponse } from 'node:http'
import { log } from '#kit/log.ts'
import { DomainError, problemBase, problemDocument } from '#kit/problem.ts'
import { type Headers, requestIdOf } from './headers.ts'
import { plainAddress } from './limiter.ts'

/** Of requests that no service could answer; all others are the kit's. */
export const edgeProblems = {
  'malformed-request': { status: 400, title: 'The request is not valid HTTP' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  'headers-too-large': { status: 431, title: 'The headers are larger than the edge takes' },
} as const

/** How long the rest of a refused body is read and thrown away, so that the client sees the refusal. */
const patienceWithBody = 5000

/** One request and its answer. */
export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  readonly address: string
  /** Path without and with the query. */
  readonly path: string
  readonly url: string
  /** What the edge itself says in the answer's headers, whoever answers. */
  readonly headers: Headers
  service = 'edge'
  operation = 'none'

  constructor(request: IncomingMessage, response: ServerResponse, headers: Headers) {
    this.request = request
    this.response = response
    this.requestId = requestIdOf(request)
    this.address = plainAddress(request.socket.remoteAddress)
    this.url = request.url ?? '/'
    const query = this.url.indexOf('?')
    this.path = query < 0 ? this.url : this.url.slice(0, query)
    this.headers = { ...headers, 'x-request-id': this.requestId }
    const start = performance.now()
    response.once('close', () => this.#log(performance.now() - start))
  }

  /** Bytes that the client announces; undefined where it sends chunks. */
  get announced(): number | undefined {
    const { 'content-length': length, 'transfer-encoding': encoding } = this.request.headers
    return encoding === undefined ? Number(length ?? 0) : undefined
  }

  answer(status: number, headers: Headers, body: string | Buffer = ''): void {
    const { response } = this
    this.discardBody()
    if (response.headersSent || response.destroyed) {
      response.destroy()
      return
    }
    response.writeHead(status, {
      ...this.headers,
      ...(status === 204 ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
      ...headers,
    })
    response.end(body)
  }

  /** Answers any error as a problem document; what is not declared is a 500 without its message. */
  refuse(error: unknown, headers: Headers = {}): void {
    const code = error instanceof DomainError ? error.code : 'internal'
    const details = error instanceof DomainError ? error.details : {}
    const document = problemDocument(code, details, edgeProblems)
    if (document.status >= 500)
      log.error({ err: error, service: this.service, requestId: this.requestId }, document.type)
    this.answer(
      document.status,
      {
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
        ...(code === 'unavailable' ? { 'retry-after': '1' } : {}),
        ...(code === 'unauthenticated' ? { 'www-authenticate': this.#challenge(document.detail) } : {}),
        ...headers,
      },
      JSON.stringify(document),
    )
  }

  /** RFC 6750, section 3: who showed no token is told nothing but the scheme. */
  #challenge(detail: string | undefined): string {
    if (this.request.headers.authorization === undefined) return 'Bearer'
    return `Bearer error="invalid_token", error_description="${detail ?? ''}"`
  }

  discardBody(): void {
    const { request } = this
    if (request.complete) return
    request.unpipe()
    request.resume()
    const timer = setTimeout(() => request.socket.destroy(), patienceWithBody).unref()
    request.once('close', () => clearTimeout(timer))
  }

  #log(ms: number): void {
    const { response, service, operation, requestId } = this
    log.info(
      {
        service: 'edge',
        upstream: service,
        operation,
        method: this.request.method,
        status: response.headersSent ? response.statusCode : 'hung up',
        ms: Math.round(ms * 10) / 10,
        requestId,
      },
      'request',
    )
  }
}

/** The whole answer to what the HTTP parser refused, for a bare socket. */
export function rawProblem(code: keyof typeof edgeProblems): string {
  const { status, title } = edgeProblems[code]
  const body = JSON.stringify({ type: problemBase + code, title, status })
  return [
    `HTTP/1.1 ${status} ${title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n')
}
