import type { Quota, Service } from '#kit/service.ts'
import { type EdgeObject, kongPlugin } from './kong.ts'
import type { EdgeRoute } from './routes.ts'
import { tokenKey } from './token.ts'

/** How often one token may ask: a plugin per application service, on its Service, so that all its routes count. */
export const tokenLimitOf = (service: Service): EdgeObject =>
  kongPlugin(
    `edge-limit-${service.name}`,
    'rate-limiting',
    {
      ...windowOf(service),
      limit_by: 'header',
      header_name: tokenKey,
      // Each replica counts for itself: nothing of a token leaves it, and no store can fail.
      policy: 'local',
      error_message: 'Too many requests',
    },
    `limits.perToken of services/${service.name}/service.ts`,
  )

const periods: Readonly<Record<number, 'second' | 'minute' | 'hour'>> = {
  1: 'second',
  60: 'minute',
  3600: 'hour',
}

function windowOf({ name, limits }: { name: string; limits: { perToken: Quota } }) {
  const { requests, seconds } = limits.perToken
  const period = periods[seconds]
  if (!period)
    throw new Error(
      `${name}: limits.perToken counts ${seconds} seconds, and Kong only knows windows of ${Object.keys(periods).join(', ')}`,
    )
  return { [period]: requests }
}

export const bodyLimitName = (route: EdgeRoute) => `edge-body-${route.maxBody}`

/** How large a body may be: a plugin per size that routes demand. */
export const bodyLimits = (routes: readonly EdgeRoute[]): EdgeObject[] =>
  [...new Map(routes.map((route) => [route.maxBody, route])).values()]
    .sort((a, b) => a.maxBody - b.maxBody)
    .map((route) =>
      kongPlugin(
        bodyLimitName(route),
        'request-size-limiting',
        { allowed_payload_size: route.maxBody, size_unit: 'bytes', require_content_length: false },
        `maxBodyOf (services/kit/contract.ts), of ${route.name} for one`,
      ),
    )
