import type { Service } from '#kit/service.ts'
import { edge, graphOf } from '../graph.ts'
import { cors, preflights } from './cors.ts'
import { answerHeaders, requestId, withoutSpoofed } from './headers.ts'
import { type EdgeOptions, ingress, pathOf, priorityOf, serviceAnnotations } from './ingress.ts'
import type { EdgeObject } from './kong.ts'
import { bodyLimitName, bodyLimits, tokenLimitOf } from './limits.ts'
import { problemAnswers } from './problems.ts'
import { type EdgeRoute, edgeRoutes } from './routes.ts'
import { signingKeys, tokenCheck, tokenKeyFunction } from './token.ts'

/** All that Kong is told, from what the services declare. */
export function kongEdge(services: readonly Service[], options: EdgeOptions): Record<string, EdgeObject[]> {
  const routes = edgeRoutes(services)
  const ofOtherOrigins = options.origins.length > 0
  return {
    plugins: [
      requestId,
      tokenKeyFunction,
      tokenCheck,
      withoutSpoofed,
      answerHeaders(options.tls !== undefined),
      problemAnswers,
      ...(ofOtherOrigins ? [cors(options.origins)] : []),
    ],
    limits: [...bodyLimits(routes), ...limited(services).map(tokenLimitOf)],
    keys: signingKeys(options.jwks),
    routes: [
      ...routes.map((route) => routeIngress(route, options)),
      ...(ofOtherOrigins ? preflights(routes, options) : []),
    ],
  }
}

function routeIngress(route: EdgeRoute, options: EdgeOptions): EdgeObject {
  const check = route.open ? [] : [tokenKeyFunction, tokenCheck]
  const plugins = [
    requestId.metadata.name,
    ...check.map((plugin) => plugin.metadata.name),
    bodyLimitName(route),
    withoutSpoofed.metadata.name,
    'edge-answer',
    ...(options.origins.length > 0 ? ['edge-cors'] : []),
  ]
  return ingress(route, pathOf(route.path), plugins, options, {
    'konghq.com/regex-priority': String(priorityOf(route.path)),
    ...(route.isStream ? { 'konghq.com/response-buffering': 'false' } : {}),
    ...(route.isUpload ? { 'konghq.com/request-buffering': 'false' } : {}),
  })
}

/** Services whose callers show a token at the edge. */
const limited = (services: readonly Service[]) =>
  services.filter((service) => service.layer === 'application')

/** What Kong must know of each Service that it leads to, by name of the service. */
export function edgeAnnotations(services: readonly Service[]): Map<string, Record<string, string>> {
  const graph = graphOf(services)
  const names = limited(services).map((service) => service.name)
  const reached = new Set(graph.edges.filter((call) => call.caller === edge).map((call) => call.callee))
  return new Map(
    [...reached].map((service) => {
      // A stream may be silent between heartbeats, and its longest time says nothing about that.
      const deadlines = graph.edges.filter(
        (call) => call.caller === edge && call.callee === service && call.kind !== 'stream',
      )
      const longest = Math.max(streamSilence, ...deadlines.map((call) => call.deadline))
      return [
        service,
        serviceAnnotations(service, longest, names.includes(service) ? [`edge-limit-${service}`] : []),
      ]
    }),
  )
}

/** Milliseconds; twice the heartbeat of services/kit/server.ts. */
const streamSilence = 30_000
