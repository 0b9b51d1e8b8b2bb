import type { RequestListener } from 'node:http'
import { log } from '#kit/log.ts'
import { type Attributes, recorder } from '#kit/telemetry.ts'
import { identityService } from '../service.ts'

const routes = identityService.publicPaths.map(({ path }) => ({
  path,
  pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/?]+')}([?]|$)`),
}))

/** The declared path, since what stands in its place names a login. */
const routeOf = (url: string) => routes.find(({ pattern }) => pattern.test(url))?.path ?? 'none'

/** One span, one measurement and one log line a request, as the kit makes them for operations. */
export const observed =
  (listener: RequestListener): RequestListener =>
  (request, response) => {
    const began = performance.now()
    const route = routeOf(request.url!)
    const http: Attributes = {
      'http.request.method': request.method,
      'http.route': route,
      'url.scheme': 'http',
    }
    const parent = request.headers.traceparent
    const span = recorder?.start({
      kind: 'server',
      name: `${request.method} ${route}`,
      parent: typeof parent === 'string' ? parent : undefined,
      attributes: http,
    })
    response.once('close', () => {
      const { statusCode: status } = response
      const ms = performance.now() - began
      const outcome: Attributes = {
        'http.response.status_code': status,
        ...(status >= 500 ? { 'error.type': String(status) } : {}),
      }
      span?.end(outcome)
      recorder?.measure('http.server.request.duration', ms / 1000, { ...http, ...outcome })
      log.info(
        {
          service: 'identity',
          route,
          status,
          ms: Math.round(ms * 10) / 10,
          request_id: request.headers['x-request-id'],
        },
        'request',
      )
    })
    return listener(request, response)
  }
