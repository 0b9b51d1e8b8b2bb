import type { IncomingMessage, ServerResponse } from 'node:http'
import { log, traceOf } from '#kit/log.ts'
import { DomainError, problemBase, problemDocument } from '#kit/problem.ts'
import { recorder, type Span } from '#kit/telemetry.ts'
import { type Headers, newTrace, requestIdOf } from './headers.ts'
import type { Target } from './routes.ts'

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
  /** Of the client. */
  readonly address: string
  /** Path without and with the query. */
  readonly path: string
  readonly url: string
  /** What the edge itself says in the answer's headers, whoever answers. */
  readonly headers: Headers
  /** Outside may neither choose our trace ids nor force sampling, so a trace starts here. */
  traceparent = ''
  readonly #began = performance.now()
  #target: Target | undefined
  #span: Span | undefined

  constructor(request: IncomingMessage, response: ServerResponse, address: string, headers: Headers) {
    this.request = request
    this.response = response
    this.requestId = requestIdOf(request)
    this.address = address
    this.url = request.url ?? '/'
    const query = this.url.indexOf('?')
    this.path = query < 0 ? this.url : this.url.slice(0, query)
    this.headers = { ...headers, 'x-request-id': this.requestId }
    response.once('close', () => this.#record())
  }

  /** From here on it is known what the request is. */
  begin(target: Target): void {
    this.#target = target
    this.#span = recorder?.start({
      kind: 'server',
      name: `${this.request.method} ${target.route}`,
      attributes: {
        ...this.#http(target),
        'staffmesh.operation': target.operation,
        'staffmesh.request': this.requestId,
      },
    })
    this.traceparent = this.#span?.traceparent ?? newTrace()
  }

  #http({ route }: Target) {
    return { 'http.request.method': this.request.method, 'http.route': route, 'url.scheme': 'http' }
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
      log.error({ err: error, upstream: this.#target?.service, request_id: this.requestId }, code)
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

  /** One span, one measurement and one log line a request, as in the services behind. */
  #record(): void {
    const { response, requestId } = this
    const target = this.#target
    const ms = performance.now() - this.#began
    const status = response.headersSent ? response.statusCode : undefined
    if (recorder && target) {
      const outcome = {
        'http.response.status_code': status,
        'error.type': status === undefined ? 'hung-up' : status >= 500 ? String(status) : undefined,
      }
      this.#span?.end(outcome)
      if (!target.isStream)
        recorder.measure('http.server.request.duration', ms / 1000, {
          ...this.#http(target),
          ...outcome,
          'staffmesh.operation': target.operation,
        })
    }
    log.info(
      {
        service: 'edge',
        upstream: target?.service,
        operation: target?.operation,
        method: this.request.method,
        status,
        ms: Math.round(ms * 10) / 10,
        ...traceOf(this.traceparent),
        request_id: requestId,
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
