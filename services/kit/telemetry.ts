import type { Context } from 'hono'
import { log } from './log.ts'

/** One span, one set of metrics and one log line a request. */
export async function observe(
  c: Context,
  service: string,
  operation: string,
  work: () => Promise<Response>,
): Promise<Response> {
  const start = performance.now()
  c.set('operation', operation)
  const response = await work()
  log.info(
    { service, operation, status: response.status, ms: Math.round((performance.now() - start) * 10) / 10 },
    'request',
  )
  return response
}
