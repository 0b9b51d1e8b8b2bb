import { isUtf8 } from 'node:buffer'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { z } from 'zod'
import type { Call } from './call.ts'
import { type Operation, routeOf } from './contract.ts'
import { DomainError, type FieldError } from './problem.ts'

/** Reads and validates an operation's input from path, query, If-Match and body. */
export async function readInput(c: Context, op: Operation, call: Call, maxBody: number): Promise<unknown> {
  const route = routeOf('', op)
  checkIdempotencyKey(call, op.route ? 128 : 400)
  // Without a prototype, so that a field called __proto__ is a field like any other.
  const raw: Record<string, unknown> = Object.create(null)
  if (op.upload) {
    call.body = uploadOf(c, op.upload, call.signal)
    Object.assign(raw, queryOf(c))
  } else if (route.method === 'GET' || route.method === 'DELETE') Object.assign(raw, queryOf(c))
  else Object.assign(raw, await within(call.signal, jsonOf(c, maxBody)))

  if (op.route) {
    for (const [name, value] of Object.entries(c.req.param())) put(raw, name, value, 'path')
    if (route.ifMatch) put(raw, route.ifMatch, ifMatch(c), 'If-Match')
  }
  return validate(op.input, raw)
}

/** A caller that stops in the middle of its body is waited for no longer than for its answer. */
async function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>()
  const late = () => reject(new DomainError('deadline-exceeded'))
  signal.addEventListener('abort', late, { once: true })
  try {
    return await Promise.race([work, over])
  } finally {
    signal.removeEventListener('abort', late)
  }
}

function put(raw: Record<string, unknown>, name: string, value: unknown, place: string): void {
  if (name in raw)
    throw invalid([
      { pointer: `/${name}`, rule: 'unknown-field', detail: `Is given by the ${place}, not here` },
    ])
  raw[name] = value
}

/** Parses strictly: unknown fields are refused. Throws `invalid-input` with a pointer per broken rule. */
export function validate<T extends z.ZodType>(schema: T, raw: unknown): z.output<T> {
  const result = schema.safeParse(raw)
  const errors = result.success ? unstorable(result.data, []) : result.error.issues.flatMap(fieldErrors)
  if (!result.success || errors.length > 0) throw invalid(errors)
  return result.data
}

/** What no database takes, in whatever field: cursors, search words, keys. */
function unstorable(value: unknown, path: readonly string[]): FieldError[] {
  if (typeof value === 'string') {
    const pointer = pointerOf(path)
    if (value.includes('\0'))
      return [{ pointer, rule: 'control-character', detail: 'Has a control character' }]
    if (!value.isWellFormed())
      return [{ pointer, rule: 'lone-surrogate', detail: 'Has a lone surrogate, which is no text' }]
    return []
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => [
    ...unstorable(key, [...path, key]),
    ...unstorable(item, [...path, key]),
  ])
}

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      pointer: pointerOf([...issue.path, key]),
      rule: 'unknown-field',
      detail: 'Is not a field of this operation',
    }))
  return [{ pointer: pointerOf(issue.path), rule: ruleOf(issue), detail: issue.message }]
}

/** A refinement names its rule in `params`; zod's own checks have a format or a code. */
function ruleOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom' && typeof issue.params?.rule === 'string') return issue.params.rule
  if ('format' in issue && typeof issue.format === 'string') return issue.format
  return issue.code.replaceAll('_', '-')
}

/** A JSON pointer (RFC 6901) from the parts of a path. */
export const pointerOf = (path: readonly PropertyKey[]) =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

const invalid = (errors: FieldError[]) =>
  new DomainError('invalid-input', {
    detail: errors.map((error) => `${error.pointer || 'input'}: ${error.detail}`).join('; '),
    errors,
  })

function queryOf(c: Context): Record<string, string> {
  const result: Record<string, string> = Object.create(null)
  for (const [name, value] of new URL(c.req.url).searchParams) {
    if (name in result)
      throw invalid([{ pointer: `/${name}`, rule: 'duplicate', detail: 'Is given more than once' }])
    result[name] = value
  }
  return result
}

async function jsonOf(c: Context, maxBody: number): Promise<Record<string, unknown>> {
  const length = Number(c.req.header('content-length') ?? Number.NaN)
  const type = c.req.header('content-type')
  if (length > maxBody) throw tooLarge(maxBody)
  if (!isType(type, 'application/json'))
    throw new DomainError('unsupported-media-type', { detail: 'Send application/json' })
  const body = Number.isNaN(length) ? await limited(c, maxBody) : Buffer.from(await c.req.arrayBuffer())
  // A decoder would put replacement characters in place of what it can't read, and they would be stored.
  if (!isUtf8(body)) throw new DomainError('malformed-json', { detail: 'The body is not UTF-8' })
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString())
  } catch (error) {
    // without the excerpt of the body that the engine quotes
    throw new DomainError('malformed-json', {
      detail: (error as Error).message.replace(/, (\.\.\.)?".*/s, ''),
    })
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw invalid([{ pointer: '', rule: 'invalid-type', detail: 'The body must be a JSON object' }])
  return parsed as Record<string, unknown>
}

const isType = (header: string | undefined, type: string) =>
  header?.split(';')[0]?.trim().toLowerCase() === type

/** A body of unknown length is read only up to the limit. */
async function limited(c: Context, maxBody: number): Promise<Buffer> {
  const stream = c.req.raw.body
  if (!stream) return Buffer.alloc(0)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength
    if (size > maxBody) throw tooLarge(maxBody)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function uploadOf(
  c: Context,
  upload: NonNullable<Operation['upload']>,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  if (!isType(c.req.header('content-type'), upload.type))
    throw new DomainError('unsupported-media-type', { detail: `Send ${upload.type}` })
  if (Number(c.req.header('content-length') ?? 0) > upload.maxBytes) throw tooLarge(upload.maxBytes)
  drainAfterwards(c)
  let size = 0
  const body = c.req.raw.body ?? new Blob([]).stream()
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        size += chunk.byteLength
        if (size > upload.maxBytes) controller.error(tooLarge(upload.maxBytes))
        else controller.enqueue(chunk)
      },
    }),
    { signal },
  )
}

/**
 * A caller that has sent all takes the connection to be free once it has the answer. So what a refusal left unread is
 * thrown away, else the stalled connection is closed under the caller's next request.
 */
function drainAfterwards(c: Context): void {
  const { incoming, outgoing } = (c.env ?? {}) as Partial<HttpBindings>
  outgoing?.once('finish', () => {
    if (incoming && !incoming.complete) incoming.removeAllListeners('data').resume()
  })
}

const tooLarge = (limit: number) => new DomainError('body-too-large', { detail: `At most ${limit} bytes` })

function ifMatch(c: Context): number {
  const header = c.req.header('if-match')
  if (!header)
    throw new DomainError('precondition-required', {
      detail: 'Send If-Match with the ETag of your last read',
    })
  const match = /^"([1-9]\d{0,14})"$/.exec(header)
  if (!match)
    throw new DomainError('malformed-header', { detail: 'If-Match must be one strong ETag, e.g. "3"' })
  return Number(match[1])
}

/** A key from outside leaves room for what callers inside append to it. */
function checkIdempotencyKey(call: Call, longest: number): void {
  const { idempotencyKey: key } = call
  if (key !== undefined && (key.length > longest || !/^[\x21-\x7e]+$/.test(key)))
    throw new DomainError('malformed-header', {
      detail: `Idempotency-Key: 1 to ${longest} visible ASCII characters`,
    })
}
