import { routeOf } from '../../../services/kit/contract.ts'
import { workforceContract } from '../../../services/workforce/contract.ts'
import type { Company } from './company.ts'
import { publicUrl } from './edge.ts'

export interface Asked {
  body?: object
  /** By which requests are told apart wherever they arrive. */
  requestId?: string
  idempotencyKey?: string
}

export interface Answer {
  status: number
  /** Of the body. */
  type: string | null
  body: string
  ms: number
}

/** Asks for an operation of workforce through the edge, as the company's administrator. */
export async function ask(
  company: Company,
  name: keyof typeof workforceContract.operations,
  { body, requestId, idempotencyKey }: Asked = {},
): Promise<Answer> {
  const { method, path } = routeOf(name, workforceContract.operations[name])
  const token = await company.token()
  const start = performance.now()
  const response = await fetch(publicUrl + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(requestId ? { 'x-request-id': requestId } : {}),
      ...(idempotencyKey ? { 'idempotency-key': idempotencyKey } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const text = await response.text()
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: text,
    ms: performance.now() - start,
  }
}
