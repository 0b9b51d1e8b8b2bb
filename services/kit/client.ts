import { Pool } from 'undici'
import { type Call, deadlineHeader } from './call.ts'
import { type InputOf, type Operation, type OutputOf, type Route, routeOf } from './contract.ts'
import { DomainError, problemBase, RemoteProblem } from './problem.ts'
import type { Service, Use } from './service.ts'
import { failure, timed } from './telemetry.ts'

interface CallOptions {
  /** Tells apart two calls of the same operation within one command; needed where their order may differ on a retry. */
  step?: string
  body?: ReadableStream<Uint8Array>
}

type Method<O> = (input: InputOf<O>, options?: CallOptions) => Promise<OutputOf<O>>

/** The declared operations of one callee, and no others. */
export type Client<U> =
  U extends Use<infer C, infer K>
    ? (call: Call) => { [Name in K & keyof C['operations']]: Method<C['operations'][Name]> }
    : never

/**
 * A client of a declared callee. It carries on the trace, the user's token, the deadline and the idempotency key, and
 * holds no retry, timeout, breaker or discovery: those are the mesh's. A call ends when the caller's does.
 */
export function clientOf<S extends Service, N extends keyof S['calls'] & string>(
  service: S,
  callee: N,
  address = addressOf(callee),
): Client<S['calls'][N]> {
  const use = service.calls[callee]!
  const pool = new Pool(address, {
    connections: 32,
    keepAliveTimeout: 30_000,
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  type Sender = (this: Bound, input: unknown, options?: CallOptions) => Promise<unknown>
  const methods: Record<string, Sender> = {}
  for (const name of use.operations) {
    const op = use.contract.operations[name]!
    methods[name] = function (input, options) {
      return send(pool, callee, name, op, this, input, options)
    }
  }
  const bind = (call: Call) => Object.assign(Object.create(methods) as Bound, { call, steps: new Map() })
  return bind as unknown as Client<S['calls'][N]>
}

type Body = string | ReadableStream<Uint8Array> | null

interface Bound {
  call: Call
  /** How often each operation was called so far: the default step. */
  steps: Map<string, number>
}

/** In a cluster the mesh knows the name; locally the environment says where it is, e.g. DIRECTORY_URL. */
export const addressOf = (service: string) =>
  process.env[`${service.toUpperCase()}_URL`] ?? `http://${service}`

async function send(
  pool: Pool,
  callee: string,
  name: string,
  op: Operation,
  { call, steps }: Bound,
  input: unknown,
  options: CallOptions = {},
): Promise<unknown> {
  const route = routeOf(name, op)
  const headers: Record<string, string> = {
    ...call.caller?.headers,
    [deadlineHeader]: String(Math.floor(call.deadline)),
    'x-request-id': call.requestId,
  }
  if (call.tracestate) headers.tracestate = call.tracestate
  if (op.kind === 'command' && call.idempotencyKey) {
    const count = (steps.get(name) ?? 0) + 1
    steps.set(name, count)
    headers['idempotency-key'] = `${call.idempotencyKey}/${call.operation}/${options.step ?? count}`
  }
  let path: string = route.path
  let body: Body = null
  if (options.body || route.method === 'GET') {
    const query = new URLSearchParams()
    for (const [key, value] of Object.entries(input as object))
      if (value !== undefined) query.set(key, String(value))
    if (query.size > 0) path += `?${query}`
    if (options.body) {
      headers['content-type'] = op.upload!.type
      body = options.body
    }
  } else {
    headers['content-type'] = 'application/json'
    body = JSON.stringify(input)
  }

  return timed(
    {
      kind: 'client',
      name: `${route.method} ${route.path}`,
      parent: call.traceparent,
      metric: 'http.client.request.duration',
      attributes: {
        'http.request.method': route.method,
        'http.route': route.path,
        'server.address': callee,
        'staffmesh.operation': name,
        'staffmesh.tenant': call.caller?.tenant,
      },
    },
    async (traceparent) => {
      if (traceparent) headers.traceparent = traceparent
      const { status, text } = await exchange(pool, callee, call, {
        method: route.method,
        path,
        headers,
        body,
      })
      if (status < 300) return parse(text)
      throw remoteProblem(status, text)
    },
    (error) => ({
      'http.response.status_code': error instanceof RemoteProblem ? error.status : error ? undefined : 200,
      ...failure(error),
    }),
  )
}

async function exchange(
  pool: Pool,
  callee: string,
  call: Call,
  request: { method: Route['method']; path: string; headers: Record<string, string>; body: Body },
): Promise<{ status: number; text: string }> {
  try {
    // undici takes web streams too, as its documentation says and its types do not.
    const body = request.body as string | null
    const response = await pool.request({ ...request, body, signal: call.signal })
    return { status: response.statusCode, text: await response.body.text() }
  } catch (cause) {
    if (call.signal.aborted) throw new DomainError('deadline-exceeded', {}, cause)
    // The body that was being sent on turned out to be too large: not the callee's fault.
    if (cause instanceof DomainError) throw cause
    throw new DomainError('unavailable', { detail: `${callee} does not answer` }, cause)
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new DomainError('bad-gateway')
  }
}

function remoteProblem(status: number, text: string): RemoteProblem {
  try {
    const {
      type,
      title: _,
      status: __,
      ...details
    } = JSON.parse(text) as { type: string; title: string; status: number }
    if (type.startsWith(problemBase))
      return new RemoteProblem(status, type.slice(problemBase.length), details)
  } catch {
    // not a problem document: a proxy answered
  }
  const code =
    status === 503
      ? 'unavailable'
      : status === 504
        ? 'deadline-exceeded'
        : status === 429
          ? 'too-many-requests'
          : 'bad-gateway'
  return new RemoteProblem(status, code, {})
}
