import { allowed, exposed } from '../../services/edge/cors.ts'
import { type EdgeOptions, ingress } from './ingress.ts'
import { type EdgeObject, kongPlugin } from './kong.ts'
import type { EdgeRoute } from './routes.ts'

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** Which pages of other origins may read answers. Tokens travel in a header, so no cookie is ever allowed. */
export const cors = (origins: readonly string[]): EdgeObject =>
  kongPlugin(
    'edge-cors',
    'cors',
    {
      origins: [...origins],
      methods: [...methods],
      headers: allowed.split(', '),
      exposed_headers: exposed.split(', '),
      credentials: false,
      max_age: 600,
      preflight_continue: false,
    },
    'corsOrigins of cdk8s/environments.ts',
  )

const ended = kongPlugin(
  'edge-preflight',
  'request-termination',
  { status_code: 204 },
  'an OPTIONS request is answered by the edge, nothing goes on',
)

/**
 * A browser asks without a token whether it may ask: a route for that beside those that demand one, per first segment
 * of the paths.
 */
export function preflights(routes: readonly EdgeRoute[], options: EdgeOptions): EdgeObject[] {
  const roots = new Map(routes.map((route) => [route.path.split('/')[1]!, route]))
  return [
    ended,
    ...[...roots].map(([root, { service }]) =>
      ingress(
        {
          name: `edge-preflight-${root}`,
          service,
          methods: ['OPTIONS'],
          because: 'corsOrigins of cdk8s/environments.ts',
          open: 'a browser asks without a token whether it may ask; the edge answers it itself',
        },
        { path: `/${root}`, pathType: 'Prefix' },
        ['edge-cors', ended.metadata.name],
        options,
      ),
    ),
  ]
}
