import type { Context } from 'hono'
import { identityHeaders } from './caller.ts'
import type { Kind } from './contract.ts'
import { log, traceOf } from './log.ts'

/** All that may be said of a request, statement or job: a key that is not here neither compiles nor leaves. */
export const attributes = {
  'http.request.method': 'method',
  'http.route': 'path with {parameters}, never their values',
  'http.response.status_code': 'status',
  'url.scheme': 'http',
  'server.address': 'the called service',
  'error.type': 'code of the problem, SQLSTATE, or class of the error',
  'db.system.name': 'postgresql',
  'db.query.summary': 'name of the statement, or its verb and table',
  'staffmesh.operation': 'operation of a contract',
  'staffmesh.kind': 'kind of that operation: query, command or stream',
  'staffmesh.tenant': 'id of the tenant (spans and logs only: metrics would not bear the number)',
  'staffmesh.request': 'id of the request (spans of the edge, and logs)',
  'staffmesh.job': 'name of the job',
  'staffmesh.attempt': 'how often the job was begun',
  'staffmesh.feed': 'name of the feed',
  'staffmesh.invariant': 'what must hold of each account of a ledger',
} as const

/** Who says it, by https://opentelemetry.io/docs/specs/semconv/resource/: what a cluster tells the process, and the SDK. */
export const resourceAttributes = {
  'service.name': 'name of the service; its worker is `<service>-worker`',
  'service.namespace': 'the product',
  'service.version': 'its image, without the registry',
  'service.instance.id': 'one container of one pod, elsewhere made up at the start',
  'k8s.namespace.name': 'namespace of the pod',
  'k8s.deployment.name': 'its Deployment',
  'k8s.pod.name': 'its name',
  'k8s.container.name': 'the container',
  'telemetry.sdk.language': 'nodejs',
  'telemetry.sdk.name': 'opentelemetry',
  'telemetry.sdk.version': 'version of the SDK',
} as const
export type Attributes = { -readonly [K in keyof typeof attributes]?: string | number | undefined }

/** How long things take: each is a histogram of seconds. */
export const durations = {
  'http.server.request.duration': 'Time to answer a request',
  'http.client.request.duration': 'Time a callee took to answer',
  'db.client.operation.duration': 'Time of a statement',
  'db.client.connection.wait_time': 'Time a transaction waited for a connection of the pool',
  'staffmesh.job.duration': 'Time of a job; with error.type it failed',
  'staffmesh.job.lag': 'Time between when a job was due and its start',
  'staffmesh.feed.lag':
    'Age of the youngest event of a page when it has been applied; with error.type it could not be, and it is that of the oldest',
} as const
export type Duration = keyof typeof durations

/** How many there are (`falls`), or have been since the process began; told from 0 on, as absence is no answer. */
export const counts = {
  'staffmesh.open_streams': {
    of: 'stream',
    falls: true,
    meaning: 'Streams that are held open now: server-sent events, and long polls of feeds',
  },
  'staffmesh.ledger.violations': {
    of: 'account',
    falls: false,
    meaning: 'Accounts of ledgers that were found to break an invariant; it must stay 0',
  },
} as const
export type Count = keyof typeof counts

/** What bounds the series of each metric in one process: nothing that grows with tenants, people or requests. */
export const bounds: Readonly<Record<Duration | Count, string>> = {
  'http.server.request.duration': 'its operations × the statuses and problems that each declares',
  'http.client.request.duration': 'the calls it declares × their statuses and problems',
  'db.client.operation.duration': 'the statements in its sources × SQLSTATEs seen',
  'db.client.connection.wait_time': 'one',
  'staffmesh.job.duration': 'its jobs × codes of what they failed with',
  'staffmesh.job.lag': 'its jobs',
  'staffmesh.feed.lag': 'the feeds it follows × codes of what they failed with',
  'staffmesh.open_streams': 'its operations that are streams',
  'staffmesh.ledger.violations': 'the invariants in its sources',
}

export interface Span {
  /** Goes on with what the span caused. */
  traceparent: string
  end(attributes: Attributes): void
}

export interface Start {
  kind: 'server' | 'client' | 'consumer'
  name: string
  parent?: string | undefined
  /** The spans that caused this one without waiting for it. */
  links?: readonly string[]
  attributes: Attributes
}

export interface Recorder {
  start(span: Start): Span
  measure(metric: Duration, seconds: number, attributes: Attributes): void
  add(metric: Count, howMany: number, attributes: Attributes): void
}

/** Undefined unless an OTLP endpoint is configured: then all of this costs a comparison. */
export let recorder: Recorder | undefined

export function record(by: Recorder | undefined): void {
  recorder = by
}

/** One span, one measurement and one log line a request. */
export async function observe(
  c: Context,
  request: { service: string; operation: string; kind?: Kind; method: string; path: string },
  work: () => Promise<Response>,
): Promise<Response> {
  const began = performance.now()
  const { service, operation, kind, method, path } = request
  const tenant = c.req.header(identityHeaders.tid)
  const traceparent = wellFormed(c.req.header('traceparent'))
  const http = { 'http.request.method': method, 'http.route': path, 'url.scheme': 'http' }
  const span = recorder?.start({
    kind: 'server',
    name: `${method} ${path}`,
    parent: traceparent,
    attributes: { ...http, 'staffmesh.operation': operation, 'staffmesh.tenant': tenant },
  })
  c.set('operation', operation)
  c.set('traceparent', span?.traceparent ?? traceparent)
  const response = await work()
  const ms = performance.now() - began
  if (recorder) {
    const outcome = {
      'http.response.status_code': response.status,
      'error.type': response.status >= 500 ? (c.get('problem') ?? String(response.status)) : undefined,
    }
    span?.end(outcome)
    recorder.measure('http.server.request.duration', ms / 1000, {
      ...http,
      ...outcome,
      'staffmesh.operation': operation,
      'staffmesh.kind': kind,
    })
  }
  log.info(
    {
      service,
      operation,
      status: response.status,
      ms: Math.round(ms * 10) / 10,
      tenant,
      ...traceOf(c.get('traceparent')),
      request_id: response.headers.get('x-request-id') ?? undefined,
    },
    'request',
  )
  return response
}

/**
 * A span and a measurement around a call to another process; without a recorder just the call. What is not `told` is
 * measured alone.
 */
export async function timed<T>(
  start: Start & { metric: Duration; told?: boolean },
  work: (traceparent: string | undefined) => Promise<T>,
  outcome: (error: unknown, result: T | undefined) => Attributes = failure,
): Promise<T> {
  const { parent, metric, told = true } = start
  if (!recorder) return work(parent)
  const began = performance.now()
  const span = told ? recorder.start(start) : undefined
  const { 'staffmesh.tenant': _, 'staffmesh.attempt': __, ...measured } = start.attributes
  const end = (result: Attributes) => {
    span?.end(result)
    recorder?.measure(metric, (performance.now() - began) / 1000, { ...measured, ...result })
  }
  try {
    const result = await work(span ? span.traceparent : parent)
    end(outcome(undefined, result))
    return result
  } catch (error) {
    end(outcome(error, undefined))
    throw error
  }
}

/** The code of what was thrown, never its message. */
export function failure(error: unknown): Attributes {
  if (error === undefined) return {}
  const code = (error as { code?: unknown } | null)?.code
  return { 'error.type': typeof code === 'string' ? code : error instanceof Error ? error.name : 'unknown' }
}

/** It is kept with events and jobs, so nothing else may come in its place. */
const wellFormed = (traceparent: string | undefined) =>
  /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceparent ?? '')?.[0]

/** A statement in few words: its verb and first table. */
export function summaryOf(text: string): string {
  const verb = /^\s*(\w+)/.exec(text)?.[1]?.toLowerCase() ?? 'statement'
  const table = /\b(?:from|into|update)\s+"?([a-z_]\w*)/i.exec(text)?.[1]
  return table ? `${verb} ${table}` : verb
}
