import { Pool } from 'undici'
import { type Call, deadlineHeader } from './call.ts'
import { type InputOf, type Operation, type OutputOf, routeOf } from './contract.ts'
import { DomainError, problemBase, RemoteProblem } from './problem.ts'
import type { Service, Use } from './service.ts'

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
  if (call.traceparent) headers.traceparent = call.traceparent
  if (op.kind === 'command' && call.idempotencyKey) {
    const count = (steps.get(name) ?? 0) + 1
    steps.set(name, count)
    headers['idempotency-key'] = `${call.idempotencyKey}/${call.operation}/${options.step ?? count}`
  }
  let path: string = route.path
  let body: string | ReadableStream<Uint8Array> | null = null
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

  let status: number
  let text: string
  try {
    const response = await pool.request({
      method: route.method,
      path,
      headers,
      body: body as string,
      signal: call.signal,
    })
    status = response.statusCode
    text = await response.body.text()
  } catch (cause) {
    if (call.signal.aborted) throw new DomainError('deadline-exceeded', {}, cause)
    throw new DomainError('unavailable', { detail: `${callee} does not answer` }, cause)
  }
  if (status < 300) return JSON.parse(text)
  throw remoteProblem(status, text)
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
