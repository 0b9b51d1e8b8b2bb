import { randomUUIDv7 } from 'node:crypto'
import type { Caller } from './caller.ts'
import { DomainError } from './problem.ts'
import type { Scope } from './schemas.ts'

/** Absolute deadline of a call, milliseconds since the epoch: it survives a proxy's retry, a duration does not. */
export const deadlineHeader = 'x-staffmesh-deadline'

/** What travels with one call through handlers, store and clients. */
export interface Call {
  service: string
  operation: string
  /** Undefined for operations with `service` access. */
  caller?: Caller
  /** Milliseconds since the epoch. */
  deadline: number
  /** Aborted when the caller hangs up or the deadline passes. */
  signal: AbortSignal
  idempotencyKey: string | undefined
  requestId: string
  /** W3C trace context: passed on untouched, or the span of this call where telemetry is on. */
  traceparent: string | undefined
  tracestate?: string
  /** Widest reach of the caller's roles for this operation (application services). */
  scope?: Scope
  /** The streamed body of an upload. */
  body?: ReadableStream<Uint8Array>
}

/** The caller of an operation that demands a token. */
export function callerOf(call: Call): Caller {
  if (!call.caller) throw new DomainError('unauthenticated')
  return call.caller
}

/** The scope of an operation that declares roles. */
export function scopeOf(call: Call): Scope {
  if (!call.scope) throw new DomainError('forbidden')
  return call.scope
}

interface Background {
  service: string
  operation: string
  tenant?: string
  /** Token for other services, from identity. */
  token?: string
  deadline?: number
  idempotencyKey?: string
  traceparent?: string | undefined
  signal?: AbortSignal
}

const backgroundDeadline = 30_000

function timeLimit({ signal, deadline = backgroundDeadline }: Background): AbortSignal {
  const timeout = AbortSignal.timeout(deadline)
  return signal ? AbortSignal.any([signal, timeout]) : timeout
}

/**
 * A call that starts inside a service: background work for one tenant, or for none. A combined signal stays in memory
 * until its time is over; who makes many long calls gives one of his own that ends with the work.
 */
export function backgroundCall(options: Background, until = timeLimit(options)): Call {
  const account = `job:${options.service}`
  return {
    service: options.service,
    operation: options.operation,
    ...(options.tenant
      ? {
          caller: {
            tenant: options.tenant,
            account,
            client: account,
            grants: [],
            headers: {
              'x-staffmesh-tenant': options.tenant,
              'x-staffmesh-account': account,
              'x-staffmesh-client': account,
              ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
            },
          },
        }
      : {}),
    deadline: Date.now() + (options.deadline ?? backgroundDeadline),
    signal: until,
    idempotencyKey: options.idempotencyKey ?? randomUUIDv7(),
    requestId: randomUUIDv7(),
    traceparent: options.traceparent,
  }
}
