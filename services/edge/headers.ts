import { randomBytes, randomUUIDv7 } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

export type Headers = Record<string, string | string[]>

/**
 * What passes from outside. All else stays out, above all identity and forwarding headers, deadlines and traces: only
 * the edge and the sidecars may say those.
 */
const passed = [
  'accept',
  'accept-language',
  'authorization',
  'content-length',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'last-event-id',
  'origin',
  'user-agent',
] as const

/** Login pages and OAuth endpoints need those of a browser too. */
const passedPublic = [...passed, 'cookie', 'dpop', 'referer', 'sec-fetch-mode', 'sec-fetch-site'] as const

interface Outside {
  request: IncomingMessage
  address: string
  requestId: string
  traceparent: string
}

/** The headers of the request to a service; `publicUrl` is where clients see the edge. */
export function inward(
  { request: { headers }, address, requestId, traceparent }: Outside,
  publicUrl: URL,
  identity: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const result: Record<string, string> = {
    ...identity,
    'x-request-id': requestId,
    'x-forwarded-for': address,
    'x-forwarded-host': publicUrl.host,
    'x-forwarded-proto': publicUrl.protocol.slice(0, -1),
    traceparent,
  }
  const trace = clientTrace(headers.traceparent)
  if (trace) result['x-client-trace-id'] = trace
  for (const name of identity ? passed : passedPublic) {
    const value = headers[name]
    if (typeof value === 'string') result[name] = value
  }
  return result
}

/** Sampling is decided at the trace's end, by the collector. */
export function newTrace(): string {
  const random = randomBytes(24).toString('hex')
  return `00-${random.slice(0, 32)}-${random.slice(32)}-01`
}

/** The trace of the client, to find his side of it. */
const clientTrace = (traceparent: string | string[] | undefined) =>
  /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-[\da-f]{2}/.exec(String(traceparent))?.[1]

/** A client's own request id is kept if it can do no harm in logs. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && /^[\w.-]{8,64}$/.test(given) ? given : randomUUIDv7()
}

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
const ofTheEdge = new Set(['server', 'x-powered-by', 'x-request-id'])

/** The headers of a service's answer, over which go those that the edge has set. */
export function outward(headers: IncomingHttpHeaders, own: Headers): Headers {
  const result: Headers = { 'cache-control': 'no-store' }
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined || hopByHop.has(name) || ofTheEdge.has(name)) continue
    if (name.startsWith('x-staffmesh-') || name.startsWith('x-envoy-')) continue
    result[name] = value
  }
  return Object.assign(result, own)
}
