import type { z } from 'zod'

/** What a caller may do: ask, change something, or hold a connection open (long poll, server-sent events). */
export type Kind = 'query' | 'command' | 'stream'

/**
 * Whose authority an operation demands.
 * - `user`: a valid user token (the edge and every sidecar demand it)
 * - `job`: a short-lived token for one tenant that identity gave to background work
 * - `service`: only the workload identity of a declared caller; no tenant is known (feeds, job tokens)
 */
export type Access = 'user' | 'job' | 'service'

/** `self` < `reports` (direct and indirect) < `all` */
export type Reach = 'self' | 'reports' | 'all'

export type Role = 'operator' | 'hr-admin' | 'manager' | 'employee'

export interface Problem {
  status: number
  title: string
}
export type Problems = Record<string, Problem>

/** A REST route of an application service. Path parameters are `{name}` and are fields of the input. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: `/${string}`
  /** Status of success; 200 unless told. */
  status?: 200 | 201 | 202
  /** The input field (an integer) that If-Match fills: 428 when missing. A replayed command does not look at it. */
  ifMatch?: 'version' | 'expectedVersion'
}

/** A body that isn't JSON: it reaches the handler as a stream and is never held in memory. */
export interface Upload {
  type: 'text/csv'
  maxBytes: number
}

interface Common<I extends z.ZodObject, O extends z.ZodType, E extends string> {
  /** One sentence for the API documentation. */
  summary: string
  input: I
  output: O
  /** Codes of the contract's problems that it may answer, besides those of the kit that any may. */
  errors?: readonly E[]
  /** Who may call; `['user']` unless told. */
  access?: readonly Access[]
  /** Application services: the REST route. Data services have none: `POST /<operation>`. */
  route?: Route
  /** Application services: which role may call it, and the widest reach that the role gives here. */
  roles?: Partial<Record<Role, Reach>>
  /** Concerns the tenant as a whole: a role whose reach is narrower than all does not count. */
  tenantWide?: true
  upload?: Upload
}

export interface Operation<
  K extends Kind = Kind,
  I extends z.ZodObject = z.ZodObject,
  O extends z.ZodType = z.ZodType,
  E extends string = string,
> extends Common<I, O, E> {
  kind: K
  /** Milliseconds from the start of the call; for a stream the longest time it stays open. */
  deadline: number
  errors: readonly E[]
  access: readonly Access[]
  /** A stream that sends server-sent events; the output is the data of one event. */
  sse?: true
}

type Timed<I extends z.ZodObject, O extends z.ZodType, E extends string> = Common<I, O, E> & {
  deadline: number
}

function operation<K extends Kind, I extends z.ZodObject, O extends z.ZodType, E extends string>(
  kind: K,
  options: Timed<I, O, E> & { sse?: true },
): Operation<K, I, O, E> {
  return { ...options, kind, errors: options.errors ?? [], access: options.access ?? ['user'] }
}

/** Reads, changes nothing; the mesh may retry it. */
export const query = <I extends z.ZodObject, O extends z.ZodType, const E extends string = never>(
  options: Timed<I, O, E>,
): Operation<'query', I, O, NoInfer<E>> => operation('query', options)

/** Changes one aggregate in one transaction; idempotent by its key, so the mesh may retry it. */
export const command = <I extends z.ZodObject, O extends z.ZodType, const E extends string = never>(
  options: Timed<I, O, E>,
): Operation<'command', I, O, NoInfer<E>> => operation('command', options)

type Stream<I extends z.ZodObject, O extends z.ZodType, E extends string> = Operation<
  'stream',
  I,
  O,
  NoInfer<E>
>

/** Long poll, or server-sent events with `sse`; not retried, closed on drain. */
export function stream<I extends z.ZodObject, O extends z.ZodType, const E extends string = never>(
  options: Timed<I, O, E> & { sse: true },
): Stream<I, O, E> & { sse: true }
export function stream<I extends z.ZodObject, O extends z.ZodType, const E extends string = never>(
  options: Timed<I, O, E>,
): Stream<I, O, E>
export function stream<I extends z.ZodObject, O extends z.ZodType, E extends string>(
  options: Timed<I, O, E> & { sse?: true },
): Stream<I, O, E> {
  return operation('stream', options)
}

export type Layer = 'application' | 'data'
export type Operations = Record<string, Operation>

export interface Contract<
  N extends string = string,
  L extends Layer = Layer,
  P extends Problems = Problems,
  O extends Operations = Operations,
> {
  service: N
  layer: L
  problems: P
  operations: O
}

/** Declares what a service offers; see the folder's README for an example. */
export function contract<
  const N extends string,
  const L extends Layer,
  const P extends Problems,
  const O extends Operations,
>(declared: {
  service: N
  layer: L
  problems: P
  operations: O & { [K in keyof O]: { errors: readonly (keyof P)[] } }
}): Contract<N, L, P, O> {
  for (const [name, op] of Object.entries(declared.operations)) {
    const where = `${declared.service}.${name}`
    if (!(op.deadline > 0)) throw new Error(`${where}: give a deadline in milliseconds`)
    if (declared.layer === 'application' && (!op.route || !op.roles))
      throw new Error(`${where}: an application operation needs a route and the roles that may call it`)
  }
  return declared as Contract<N, L, P, O>
}

/** The path on which an operation is served: one per operation, so that a mesh policy names exactly one. */
export function routeOf(name: string, op: Operation): Route {
  return op.route ?? { method: 'POST', path: `/${name}` }
}

/** Largest JSON body in bytes, unless an app is told otherwise. */
export const maxJsonBody = 1_000_000

/** Bytes that a request to this operation may have in its body. */
export function maxBodyOf(op: Operation): number {
  if (op.upload) return op.upload.maxBytes
  return op.route?.method === 'GET' || op.route?.method === 'DELETE' ? 0 : maxJsonBody
}

export type InputOf<O> = O extends Operation<Kind, infer I, z.ZodType, string> ? z.input<I> : never
export type ParsedInputOf<O> = O extends Operation<Kind, infer I, z.ZodType, string> ? z.output<I> : never
export type OutputOf<O> = O extends Operation<Kind, z.ZodObject, infer R, string> ? z.output<R> : never
/** What a handler returns: defaults of the output may be left out. */
export type AnswerOf<O> = O extends Operation<Kind, z.ZodObject, infer R, string> ? z.input<R> : never
