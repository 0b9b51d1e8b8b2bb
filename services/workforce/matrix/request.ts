import { randomUUID } from 'node:crypto'
import type { Contract, InputOf, Operation, OutputOf } from '#kit/contract.ts'
import { callerHeaders, type TestCaller } from '#kit/testing.ts'

/** An operation's request as a client writes it: path, query, If-Match and body, from the input's fields. */
export function requestOf(op: Operation, input: object, csv?: File): { path: string; init: RequestInit } {
  const { method, path, ifMatch } = op.route!
  const rest = new Map<string, unknown>(Object.entries(input).filter(([, value]) => value !== undefined))
  const take = (name: string) => {
    const value = rest.get(name)
    rest.delete(name)
    return value
  }
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(take(name)).toWellFormed()),
  )
  const headers: Record<string, string> = {}
  if (op.kind === 'command') headers['idempotency-key'] = randomUUID()
  if (ifMatch) headers['if-match'] = `"${take(ifMatch)}"`
  if (op.upload) headers['content-type'] = op.upload.type
  else if (method !== 'GET' && method !== 'DELETE') headers['content-type'] = 'application/json'
  const inQuery = op.upload || method === 'GET' || method === 'DELETE'
  const query = new URLSearchParams(inQuery ? [...rest].map(([name, value]) => [name, String(value)]) : [])
  const body = op.upload ? (csv ?? '') : inQuery ? null : JSON.stringify(Object.fromEntries(rest))
  return { path: query.size > 0 ? `${filled}?${query}` : filled, init: { method, headers, body } }
}

export interface Answer {
  status: number
  headers: Headers
  body: unknown
}

export type File = string | Uint8Array<ArrayBuffer>

/** Sends operations of a contract to its app, as a caller or without a token. */
export const senderTo =
  <C extends Contract>(
    app: { request(path: string, init: RequestInit): Response | Promise<Response> },
    { operations }: C,
  ) =>
  async <K extends keyof C['operations'] & string>(
    name: K,
    input: InputOf<C['operations'][K]>,
    caller: TestCaller | undefined,
    csv?: File,
  ): Promise<Answer> => {
    const { path, init } = requestOf(operations[name]!, input, csv)
    const headers = { ...init.headers, ...(caller ? callerHeaders(caller) : {}) }
    const response = await app.request(path, { ...init, headers })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json')
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
  }

/** Sends operations that must succeed. */
export const actorAt = <C extends Contract>(app: Parameters<typeof senderTo>[0], contract: C) => {
  const send = senderTo(app, contract)
  return async <K extends keyof C['operations'] & string>(
    name: K,
    input: InputOf<C['operations'][K]>,
    caller: TestCaller,
    csv?: File,
  ): Promise<OutputOf<C['operations'][K]>> => {
    const { status, body } = await send(name, input, caller, csv)
    if (status >= 300) throw new Error(`${name} answered ${status}: ${JSON.stringify(body)}`)
    return body as OutputOf<C['operations'][K]>
  }
}
