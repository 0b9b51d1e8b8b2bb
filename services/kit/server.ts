import { randomUUIDv7 } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { z } from 'zod'
import { type Call, deadlineHeader } from './call.ts'
import { assertScope, callerFrom, scopeFor } from './caller.ts'
import { type CommandTx, StoredAnswer } from './command.ts'
import type { AnswerOf, Contract, Operation, Operations, ParsedInputOf } from './contract.ts'
import { maxJsonBody, routeOf } from './contract.ts'
import type { Database } from './database.ts'
import { readInput } from './input.ts'
import { log, traceOf } from './log.ts'
import { DomainError, problemDocument, tellable } from './problem.ts'
import type { Scope } from './schemas.ts'
import { assertWholeTenant } from './scope.ts'
import { observe, recorder } from './telemetry.ts'
import type { Tx } from './tx.ts'

/** One server-sent event of a stream; `id` is what a client resumes from (Last-Event-ID). */
export interface StreamEvent<T> {
  id?: string
  data: T
}

/** A stream's handler decides whether there is something to watch before the answer begins. */
type HandlerOf<O> = O extends { sse: true }
  ? (input: ParsedInputOf<O>, call: Call) => Promise<AsyncIterable<StreamEvent<AnswerOf<O>>>>
  : (input: ParsedInputOf<O>, call: Call) => Promise<AnswerOf<O> | StoredAnswer>

/** One handler an operation; a missing one does not compile. */
export type Handlers<O extends Operations> = { [K in keyof O]: HandlerOf<O[K]> }

type StoreHandlerOf<O> = O extends { kind: 'command' }
  ? (input: ParsedInputOf<O>, tx: CommandTx) => Promise<AnswerOf<O>>
  : (input: ParsedInputOf<O>, tx: Tx) => Promise<AnswerOf<O>>

/**
 * Runs each operation in one transaction of the caller's tenant: a query read-only, a command once per idempotency
 * key. A `scope` in the input is checked against the token's assignments first.
 */
export function transactional<O extends Operations, K extends keyof O & string>(
  contract: Contract<string, 'application' | 'data', never, O> | { operations: O },
  database: Database,
  handlers: { [Name in K]: StoreHandlerOf<O[Name]> },
): Pick<Handlers<O>, K> {
  const result: Record<string, unknown> = {}
  for (const [name, handler] of Object.entries(handlers)) {
    const op = contract.operations[name]!
    const run = handler as (input: unknown, tx: Tx) => Promise<unknown>
    result[name] = (input: { scope?: Scope }, call: Call) => {
      if (input.scope && call.caller) assertScope(call.caller, input.scope)
      return op.kind === 'command'
        ? // The stored answer is stripped to the contract, as every answer is.
          database.command(call, input, async (tx) => op.output.parse(await run(input, tx)))
        : database.read(call, (tx) => run(input, tx))
    }
  }
  return result as Pick<Handlers<O>, K>
}

export interface AppOptions {
  /** Largest JSON body in bytes. */
  maxBody?: number
  /** Aborted when the process drains: streams end. */
  draining?: AbortSignal
}

/** The Hono app of a contract: a route per operation, validation, problems, telemetry. */
export function createApp<C extends Contract>(
  contract: C,
  handlers: Handlers<C['operations']>,
  options: AppOptions = {},
): Hono {
  const app = new Hono()
  const methods = new Map<string, string[]>()
  for (const [name, op] of Object.entries(contract.operations).sort(fixedFirst)) {
    const { method, path } = routeOf(name, op)
    const pattern = path.replaceAll(/\{(\w+)\}/g, ':$1')
    methods.set(pattern, [...(methods.get(pattern) ?? []), method])
    const handler = (handlers as Record<string, unknown>)[name] as (input: unknown, call: Call) => unknown
    const request = { service: contract.service, operation: name, kind: op.kind, method, path }
    if (op.kind === 'stream') countOpen(name, 0)
    app.on(method, pattern, (c) => observe(c, request, () => serve(c, contract, name, op, handler, options)))
  }
  for (const [pattern, allowed] of methods)
    app.all(pattern, (c) => {
      c.header('allow', allowed.join(', '))
      return problem(c, new DomainError('method-not-allowed'), contract)
    })
  app.notFound((c) => {
    const request = { service: contract.service, operation: 'none', method: c.req.method, path: '*' }
    return observe(c, request, async () => problem(c, new DomainError('route-not-found'), contract))
  })
  app.onError((error, c) => problem(c, error, contract))
  return app
}

/** The router takes the first route that matches: /x/mine must come before /x/{id}, wherever it is declared. */
const fixedFirst = ([a, opA]: [string, Operation], [b, opB]: [string, Operation]) => {
  // "{" is above all characters of a path.
  const [pathA, pathB] = [routeOf(a, opA).path, routeOf(b, opB).path]
  return pathA < pathB ? -1 : pathA > pathB ? 1 : 0
}

async function serve(
  c: Context,
  contract: Contract,
  name: string,
  op: Operation,
  handler: (input: unknown, call: Call) => unknown,
  options: AppOptions,
): Promise<Response> {
  const { call, end, isGone } = callOf(c, contract.service, name, op, options)
  let streaming = false
  try {
    // The router takes HEAD for GET: it would open a stream that nobody reads.
    if (op.sse && c.req.method === 'HEAD') throw new DomainError('method-not-allowed')
    authorize(call, op)
    const input = await readInput(c, op, call, options.maxBody ?? maxJsonBody)
    const result = await handler(input, call)
    if (!op.sse) return answer(c, op, result)
    streaming = true
    return events(c, op, result as AsyncIterable<StreamEvent<unknown>>, call, end)
  } catch (error) {
    // Whoever hung up in the middle of a body gets no answer, and is no failure of ours.
    return problem(c, isGone() ? new DomainError('deadline-exceeded', {}, error) : error, contract, op)
  } finally {
    if (!streaming) end()
  }
}

/** Gathers what the call carries; `end` frees its timer and listener. */
function callOf(c: Context, service: string, name: string, op: Operation, options: AppOptions) {
  const now = Date.now()
  const header = (key: string) => c.req.header(key)
  const requestId = header('x-request-id') ?? randomUUIDv7()
  c.header('x-request-id', requestId)
  const caller = callerFrom(header)
  const controller = new AbortController()
  const given = Number(header(deadlineHeader) ?? Number.POSITIVE_INFINITY)
  const deadline = Math.min(now + op.deadline, given > 0 ? given : Number.POSITIVE_INFINITY)
  const abort = () => controller.abort(new DomainError('deadline-exceeded'))
  const timer = setTimeout(abort, Math.max(0, deadline - now))
  const outgoing = (c.env as { outgoing?: import('node:http').ServerResponse } | undefined)?.outgoing
  const hangUp = () => {
    if (!outgoing?.writableFinished) abort()
  }
  outgoing?.once('close', hangUp)
  if (op.kind === 'stream') {
    countOpen(name, 1)
    options.draining?.addEventListener('abort', abort)
    if (options.draining?.aborted) abort()
  }

  const tracestate = header('tracestate')
  const call: Call = {
    service,
    operation: name,
    ...(caller ? { caller } : {}),
    deadline,
    signal: controller.signal,
    // From outside the key is optional; callees always get one.
    idempotencyKey: header('idempotency-key') ?? (op.route ? randomUUIDv7() : undefined),
    requestId,
    traceparent: c.get('traceparent'),
    ...(tracestate ? { tracestate } : {}),
  }
  const end = () => {
    clearTimeout(timer)
    outgoing?.off('close', hangUp)
    options.draining?.removeEventListener('abort', abort)
    if (op.kind === 'stream') countOpen(name, -1)
  }
  return { call, end, isGone: () => outgoing?.destroyed ?? false }
}

const countOpen = (operation: string, more: number) =>
  recorder?.add('staffmesh.open_streams', more, { 'staffmesh.operation': operation })

/** Whether the caller is of the kind, and has a role, that the operation demands. */
function authorize(call: Call, op: Operation): void {
  const isJob = call.caller?.account.startsWith('job:')
  const kind = call.caller ? (isJob ? 'job' : 'user') : 'service'
  if (!op.access.includes(kind) && !(kind !== 'service' && op.access.includes('service')))
    throw new DomainError(call.caller ? 'forbidden' : 'unauthenticated')
  if (op.roles && call.caller) {
    const scope = scopeFor(call.caller, op.roles)
    if (!scope) throw new DomainError('forbidden', { detail: 'No role of the account allows this' })
    if (op.tenantWide) assertWholeTenant(scope)
    call.scope = scope
  }
}

function answer(c: Context, op: Operation, result: unknown): Response {
  const status = op.route?.status ?? 200
  if (result instanceof StoredAnswer) {
    if (result.replayed) c.header('idempotent-replayed', 'true')
    if (op.route) tag(c, JSON.parse(result.body))
    return c.body(result.body, status, { 'content-type': 'application/json' })
  }
  // Strips what the contract does not name, so that no column slips out.
  const output = (op.output as z.ZodType).parse(result)
  if (op.route) tag(c, output)
  return c.body(JSON.stringify(output), status, { 'content-type': 'application/json' })
}

function tag(c: Context, output: unknown): void {
  const version = (output as { version?: unknown } | null)?.version
  if (typeof version === 'number') c.header('etag', `"${version}"`)
}

/** Server-sent events with a heartbeat below the proxies' idle timeouts. */
function events(
  c: Context,
  op: Operation,
  source: AsyncIterable<StreamEvent<unknown>>,
  call: Call,
  end: () => void,
): Response {
  c.header('x-accel-buffering', 'no')
  return streamSSE(c, async (out) => {
    const heartbeat = setInterval(() => void out.write(': heartbeat\n\n'), 15_000)
    try {
      for await (const event of source) {
        if (out.aborted) break
        await out.writeSSE({
          data: JSON.stringify(op.output.parse(event.data)),
          ...(event.id === undefined ? {} : { id: event.id }),
        })
      }
    } catch (error) {
      // The answer has begun, so it can only end; the client connects again and gets the problem. What was under way
      // when the client hung up or the process drained is broken off on purpose.
      if (!call.signal.aborted) log.error({ err: error, operation: c.get('operation') }, 'stream broke off')
    } finally {
      clearInterval(heartbeat)
      end()
    }
  })
}

/** Renders any error as a problem document; what is not declared is a 500 without its message. */
function problem(c: Context, error: unknown, contract: Contract, op?: Operation): Response {
  const { code, details } = tellable(error, op?.errors)
  const document = problemDocument(code, details, contract.problems)
  c.set('problem', code)
  if (document.status >= 500 && code !== 'deadline-exceeded')
    log.error({ err: error, operation: c.get('operation'), ...traceOf(c.get('traceparent')) }, code)
  if (code === 'unavailable') c.header('retry-after', '1')
  return c.body(JSON.stringify(document), document.status as 500, {
    'content-type': 'application/problem+json',
  })
}
