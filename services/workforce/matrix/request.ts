import { randomUUID } from 'node:crypto'
import type { Operation } from '#kit/contract.ts'

/** An operation's request as a client writes it: path, query, If-Match and body, from the input's fields. */
export function requestOf(
  op: Operation,
  input: object,
  csv?: string | Uint8Array<ArrayBuffer>,
): { path: string; init: RequestInit } {
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
