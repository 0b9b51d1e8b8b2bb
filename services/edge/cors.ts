import type { IncomingMessage } from 'node:http'
import type { Headers } from './headers.ts'

export const exposed = [
  'ETag',
  'Idempotent-Replayed',
  'Location',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
].join(', ')

export const allowed = [
  'Accept',
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'Last-Event-ID',
  'X-Request-Id',
].join(', ')

/** Which pages of other origins may read answers. Tokens travel in a header, so no cookie is ever allowed. */
export class Cors {
  readonly #origins: ReadonlySet<string>

  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins)
  }

  headers(request: IncomingMessage): Headers {
    const { origin } = request.headers
    if (origin === undefined || !this.#origins.has(origin)) return { vary: 'Origin' }
    return {
      vary: 'Origin',
      'access-control-allow-origin': origin,
      'access-control-expose-headers': exposed,
    }
  }

  /** Of the answer to OPTIONS for a path that takes these methods. */
  preflight(request: IncomingMessage, methods: readonly string[]): Headers {
    const allow = { allow: methods.join(', ') }
    const { origin, 'access-control-request-method': asked } = request.headers
    if (asked === undefined || origin === undefined || !this.#origins.has(origin)) return allow
    return {
      ...allow,
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers': allowed,
      'access-control-max-age': '600',
    }
  }
}
