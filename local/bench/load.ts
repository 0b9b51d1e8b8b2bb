import { Pool } from 'undici'

export interface Request {
  method: 'GET' | 'POST' | 'PATCH'
  path: string
  headers: Record<string, string>
  body?: string
}

/** Connections on which each side is asked, one request at a time on each. */
export const connections = 8

/** Asks without pause on all connections for a time; gives the number of requests, all of which must succeed. */
export async function load(
  address: string,
  next: (connection: number) => Request,
  milliseconds: number,
): Promise<number> {
  const pool = new Pool(address, { connections })
  const end = Date.now() + milliseconds
  let done = 0
  try {
    await Promise.all(
      Array.from({ length: connections }, async (_, connection) => {
        for (; Date.now() < end; done++) await send(pool, next(connection))
      }),
    )
  } finally {
    await pool.close()
  }
  return done
}

async function send(pool: Pool, request: Request): Promise<void> {
  const { statusCode, body } = await pool.request({ ...request, body: request.body ?? null })
  const text = await body.text()
  if (statusCode >= 300) throw new Error(`${request.method} ${request.path} answered ${statusCode}: ${text}`)
}

export async function once(address: string, request: Request): Promise<unknown> {
  const response = await fetch(new URL(request.path, address), {
    method: request.method,
    headers: request.headers,
    ...(request.body && { body: request.body }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${request.method} ${request.path} answered ${response.status}: ${text}`)
  return JSON.parse(text)
}
