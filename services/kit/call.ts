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

/** A call that starts inside a service: background work for one tenant, or for none. */
export function backgroundCall(options: {
  service: string
  operation: string
  tenant?: string
  /** Token for other services, from identity. */
  token?: string
  deadline?: number
  idempotencyKey?: string
  traceparent?: string
  signal?: AbortSignal
}): Call {
  const deadline = options.deadline ?? 30_000
  const account = `job:${options.service}`
  const timeout = AbortSignal.timeout(deadline)
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
    deadline: Date.now() + deadline,
    signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
    idempotencyKey: options.idempotencyKey ?? randomUUIDv7(),
    requestId: randomUUIDv7(),
    traceparent: options.traceparent,
  }
}
