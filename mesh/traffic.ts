import { callersOf, type Edge, edge, type Graph } from './graph.ts'
import { type Resource, resource } from './resource.ts'
import { byVersion, type CanaryTraffic, subsets } from './versions.ts'

/**
 * What may be tried again, and how long it may take, per operation. Queries, and commands that carry an idempotency
 * key, are retried where the answer never came; streams and OAuth endpoints only where nothing was sent yet.
 */
export interface Behaviour {
  retried: 'always' | 'with-idempotency-key' | 'unsent'
  /** Milliseconds for all tries; undefined for streams, which have a heartbeat instead. */
  timeout: number | undefined
}

/** Intent: from the kind and the deadline of an operation. Inside, the client of the kit always sends a key. */
export function behaviourOf(call: Edge): Behaviour {
  if (call.kind === 'stream') return { retried: 'unsent', timeout: undefined }
  if (call.kind === 'query') return { retried: 'always', timeout: call.deadline }
  return { retried: call.caller === edge ? 'with-idempotency-key' : 'always', timeout: call.deadline }
}

/** Two more tries, each with at most half of the time, so that a second one fits before the deadline. */
const attempts = 2
const shareOfATry = 0.5

/** The callee has seen nothing of the request: another replica may be asked whatever the request would do. */
const unsent = 'connect-failure,refused-stream'

/** No answer began, or the callee says that it cannot now (503). */
const unanswered = `${unsent},reset,503`

/**
 * A try waits for anything up to this, the second up to twice as long. Where calls fail fast, few are under way at a
 * time, and the retry budget is its least: one try at a time. Waiting 100 ms on average, these are at most ten a second,
 * a fifth of the load from 50 requests a second on; with Istio's own 25 ms, 46 % of it were seen at 60 a second.
 */
const backoff = '200ms'

/** Sent by those whose command may be retried; any value counts. */
const withKey = { 'idempotency-key': { regex: '.+' } }

/**
 * One VirtualService a callee, a route per behaviour.
 * https://istio.io/latest/docs/reference/config/networking/virtual-service/
 */
export function routes(graph: Graph, canary?: CanaryTraffic): Resource[] {
  return graph.services.map((service) => {
    const tried = canary?.service === service.name ? canary : undefined
    const calls = uniqueBy(
      callersOf(graph, service.name).flatMap(([, edges]) => edges),
      (call) => `${call.method} ${call.path}`,
    )
    return resource(
      'networking.istio.io/v1',
      'VirtualService',
      service.name,
      `kind and deadline of the operations in services/${service.name}/contract.ts`,
      {
        hosts: [service.name],
        http: [...calls.flatMap(routesOf), fallback].flatMap((route) =>
          byVersion(route, service.name, tried),
        ),
      },
    )
  })
}

function routesOf(call: Edge) {
  const { retried, timeout } = behaviourOf(call)
  const match = { method: { exact: call.method }, uri: uriOf(call.path) }
  const route = (name: string, headers: object, retries: object) => ({
    name,
    match: [{ ...match, ...headers }],
    // Left out it is none; Istio refuses to be told 0s.
    ...(timeout === undefined ? {} : { timeout: `${timeout}ms` }),
    retries,
  })
  const sendAgain = { attempts, retryOn: unsent, backoff }
  const perTryTimeout = `${Math.round((timeout ?? 0) * shareOfATry)}ms`
  const again = { attempts, perTryTimeout, retryOn: unanswered, backoff }
  if (retried === 'unsent') return [route(call.operation, {}, sendAgain)]
  if (retried === 'always') return [route(call.operation, {}, again)]
  return [
    route(`${call.operation}-with-key`, { headers: withKey }, again),
    route(call.operation, {}, sendAgain),
  ]
}

/** Whatever no contract names, e.g. a probe: quick and never retried; the authorization policies refuse the rest. */
const fallback = { name: 'undeclared', timeout: '1000ms', retries: { attempts: 0 } }

/** `/v1/employees/{id}` as a match: exact, or a regular expression where there are parameters. */
function uriOf(path: string) {
  if (!path.includes('{')) return { exact: path }
  return { regex: path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+') }
}

/**
 * One DestinationRule a callee: how load is spread, when a replica is taken out, how much may be retried at all.
 * https://istio.io/latest/docs/reference/config/networking/destination-rule/
 */
export function destinations(graph: Graph): Resource[] {
  return graph.services.map((service) =>
    resource(
      'networking.istio.io/v1',
      'DestinationRule',
      service.name,
      'replicas are alike: the least busy near one answers, a failing one is left out for a while',
      {
        host: service.name,
        subsets,
        trafficPolicy: {
          loadBalancer: { simple: 'LEAST_REQUEST', localityLbSetting: { enabled: true } },
          connectionPool: {
            tcp: { maxConnections: 200, connectTimeout: '1s' },
            http: { http1MaxPendingRequests: 200, http2MaxRequests: 400, maxRequestsPerConnection: 0 },
          },
          // Half of the replicas stay in whatever they answer: an outage of all is not made worse. Where the others have
          // gone since, or there was but one, who was left out gets the load after all: better than nobody.
          outlierDetection: {
            consecutive5xxErrors: 5,
            interval: '5s',
            baseEjectionTime: '15s',
            maxEjectionPercent: 50,
            minHealthPercent: 25,
          },
          // Bounds retries in an outage of all replicas to a fifth of the load.
          retryBudget: { percent: 20, minRetryConcurrency: 1 },
        },
      },
    ),
  )
}

function uniqueBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()]
}
