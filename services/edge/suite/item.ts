import { randomUUID } from 'node:crypto'
import { workforceContract } from '../../workforce/contract.ts'

/** Prepares an import, which changes nothing of the company; answers with its path. */
export async function newImport(url: string, token: string): Promise<string> {
  const { method, path } = workforceContract.operations.createImport.route!
  const response = await fetch(url + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: JSON.stringify({ kind: 'employees' }),
  })
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`)
  const { id } = (await response.json()) as { id: string }
  return `${path}/${id}`
}
