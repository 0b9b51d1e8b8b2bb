import type { RequestListener, Server } from 'node:http'
import { Socket } from 'node:net'
import { DomainError } from '#kit/problem.ts'
import { defaultLimits, type Service } from '#kit/service.ts'
import { addressKey, clientAddress } from './address.ts'
import { assertBody } from './body.ts'
import { Cors } from './cors.ts'
import type { Pages } from './docs.ts'
import { Exchange, type edgeProblems, rawProblem } from './exchange.ts'
import { inward } from './headers.ts'
import { Limiter } from './limiter.ts'
import { Routes, segmentsOf, type Target, type Targets } from './routes.ts'
import { type Identity, TokenVerifier } from './token.ts'
import { Upstream } from './upstream.ts'

export interface EdgeOptions {
  services: readonly Service[]
  /** Where a service is. */
  addressOf: (service: string) => string
  /** Where clients see the edge. */
  publicUrl: URL
  /** Who issues the tokens, and where his keys are. */
  issuer: string
  jwks: URL
  /** Other origins whose pages may call. */
  origins?: readonly string[]
  /** Proxies in front of the edge, each of which appends to X-Forwarded-For whom it serves. */
  trustedProxies?: number
  /** What the edge serves itself. */
  pages?: Pages
}

const maxHeaders = 100

/** The one door: the checks that Kong and the first sidecar make together, derived from the declarations. */
export class Edge {
  readonly #options: EdgeOptions
  readonly #routes: Routes
  readonly #verifier: TokenVerifier
  readonly #cors: Cors
  readonly #upstreams = new Map<string, Upstream>()
  readonly #perToken = new Map<string, Limiter>()
  readonly #perAddress = new Map<string, Limiter>()
  readonly #elsewhere = new Limiter(defaultLimits.perAddress)
  readonly #common: Record<string, string>

  constructor(options: EdgeOptions) {
    this.#options = options
    this.#routes = new Routes(options.services)
    this.#verifier = new TokenVerifier(options)
    this.#cors = new Cors([options.publicUrl.origin, ...(options.origins ?? [])])
    for (const { name, limits } of options.services) {
      this.#upstreams.set(name, new Upstream(options.addressOf(name)))
      this.#perToken.set(name, new Limiter(limits.perToken))
      this.#perAddress.set(name, new Limiter(limits.perAddress))
    }
    this.#common = {
      'x-content-type-options': 'nosniff',
      ...(options.publicUrl.protocol === 'https:'
        ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' }
        : {}),
    }
  }

  isReady = () => this.#verifier.isReady()

  listener: RequestListener = (request, response) => {
    const exchange = new Exchange(
      request,
      response,
      clientAddress(request, this.#options.trustedProxies ?? 0),
      { ...this.#common, ...this.#cors.headers(request) },
    )
    this.#serve(exchange).catch((error: unknown) => exchange.refuse(error))
  }

  async #serve(exchange: Exchange): Promise<void> {
    const { request, path } = exchange
    if (request.rawHeaders.length > 2 * maxHeaders)
      throw new DomainError('headers-too-large', { detail: `At most ${maxHeaders} headers` })
    const page = this.#options.pages?.get(path)
    const targets = page ? undefined : this.#find(path)
    if (!targets) this.#count(exchange, this.#elsewhere, addressKey(exchange.address))
    if (!page && !targets) throw new DomainError('route-not-found')

    const methods = methodsOf(targets)
    const method = request.method!
    if (method === 'OPTIONS') return exchange.answer(204, this.#cors.preflight(request, methods))
    if (!methods.includes(method))
      return exchange.refuse(new DomainError('method-not-allowed'), { allow: methods.join(', ') })
    if (page) await page(exchange)
    else await this.#pass(exchange, targets!.get(method === 'HEAD' ? 'GET' : method)!)
  }

  #find(path: string): Targets | undefined {
    const segments = segmentsOf(path)
    return segments && this.#routes.find(segments)
  }

  async #pass(exchange: Exchange, target: Target): Promise<void> {
    exchange.begin(target)
    this.#count(exchange, this.#perAddress.get(target.service)!, addressKey(exchange.address))
    let identity: Identity | undefined
    if (target.needsToken) {
      identity = await this.#verifier.verify(exchange.request.headers.authorization)
      this.#count(exchange, this.#perToken.get(target.service)!, identity.key)
    }
    assertBody(exchange, target)
    const headers = inward(exchange, this.#options.publicUrl, identity?.headers)
    this.#upstreams.get(target.service)!.forward(exchange, target, headers, identity)
  }

  /** Counts the request, and says in the answer how much is left of the tightest quota. */
  #count({ headers }: Exchange, limiter: Limiter, key: string): void {
    const { limit, remaining, reset, isExceeded } = limiter.take(key)
    if (isExceeded || remaining <= Number(headers['ratelimit-remaining'] ?? Number.POSITIVE_INFINITY)) {
      headers['ratelimit-limit'] = String(limit)
      headers['ratelimit-remaining'] = String(remaining)
      headers['ratelimit-reset'] = String(reset)
    }
    if (!isExceeded) return
    headers['retry-after'] = String(reset)
    throw new DomainError('too-many-requests', { detail: `At most ${limit} requests; more in ${reset} s` })
  }

  /** Ends what would hold up a drain. */
  endStreams(): void {
    for (const upstream of this.#upstreams.values()) upstream.endStreams()
  }

  async close(): Promise<void> {
    this.#verifier.close()
    await Promise.all([...this.#upstreams.values()].map((upstream) => upstream.close()))
  }
}

/** What a path takes; a page of the edge itself is only read. */
function methodsOf(targets: Targets | undefined): string[] {
  const declared = targets ? [...targets.keys()] : ['GET']
  // A stream has no headers worth asking for, and would be opened for nobody.
  const hasHead = declared.includes('GET') && !targets?.get('GET')?.isStream
  return [...declared, ...(hasHead ? ['HEAD'] : []), 'OPTIONS']
}

/** Settings of the server that faces the outside. */
export function harden(server: Server, listener: RequestListener): void {
  server.headersTimeout = 15_000
  // Long enough for the largest upload over a slow line.
  server.requestTimeout = 600_000
  // No header beyond the limit is dropped in silence: the edge counts them and refuses.
  server.maxHeadersCount = 0
  // The edge says "continue" itself, when nothing is against the request.
  server.on('checkContinue', listener)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Only on a connection that carries no answer yet, which this one would run into.
    const isUsed = socket instanceof Socket && socket.bytesWritten > 0
    if (!socket.writable || error.code === 'ECONNRESET' || isUsed) return socket.destroy()
    socket.end(rawProblem(codeOf(error)))
  })
}

function codeOf({ code }: NodeJS.ErrnoException): keyof typeof edgeProblems {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers-too-large'
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request-timeout' : 'malformed-request'
}
