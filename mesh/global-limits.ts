import type { Quota, Service } from '#kit/service.ts'
import type { ClusterHost } from './egress.ts'
import { callersOf, edge, type Graph } from './graph.ts'
import { beforeTheRouter, countedCalls, kinds, retryInASecond, tenantAndKind } from './limits.ts'
import { dnsNameOf, namespaces, type Resource, resource, serversOf } from './resource.ts'

/** https://github.com/envoyproxy/ratelimit; who reaches it is in limit-service.ts. */
export const limitService = { name: 'ratelimit', namespace: namespaces.limits, port: 8081 } as const
/** Where Prometheus fetches how much each tenant asked. */
export const limitMetricsPort = 9102

/** Our limits among those of others that the service might hold. */
const domain = 'staffmesh'

/** What is counted once over all replicas of a service, and over all replicas of the edge. */
export interface GlobalLimit {
  service: string
  /** Whose requests have a count of their own. */
  per: 'address' | 'tenant'
  /** Of a tenant queries and commands are counted apart. */
  kind?: (typeof kinds)[number]
  quota: Quota
}

/**
 * Intent, for the services that the edge calls; further in the same request would be counted again.
 * - Per address: whoever floods us from one place meets several replicas of the edge, each of which sees a part.
 * - Per tenant: each replica that the autoscaler adds would otherwise bring a noisy company another share.
 */
export function globalLimits(graph: Graph): GlobalLimit[] {
  return graph.services
    .filter(({ name }) => isLimited(graph, name))
    .flatMap((service) => [
      { service: service.name, per: 'address', quota: service.limits.perAddress },
      ...kindsFromOutside(graph, service).map((kind) => ({
        service: service.name,
        per: 'tenant' as const,
        kind,
        quota: service.limits.perTenantOverall[kind],
      })),
    ])
}

/** Whether requests to a service are counted by the rate limit service. */
export const isLimited = (graph: Graph, service: string) => callsFromOutside(graph, service).length > 0

const callsFromOutside = (graph: Graph, service: string) =>
  callersOf(graph, service)
    .filter(([caller]) => caller === edge)
    .flatMap(([, calls]) => calls)

const kindsFromOutside = (graph: Graph, { name }: Service) =>
  kinds.filter((kind) => callsFromOutside(graph, name).some((call) => call.kind === kind))

/**
 * One EnvoyFilter a service: its sidecar asks before it lets a request through.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rate_limit_filter
 */
export function globalLimitFilters(graph: Graph): Resource[] {
  return graph.services
    .filter(({ name }) => isLimited(graph, name))
    .map((service) =>
      resource(
        'networking.istio.io/v1alpha3',
        'EnvoyFilter',
        `${service.name}-global-limits`,
        `limits.perAddress and limits.perTenantOverall of services/${service.name}/service.ts`,
        {
          workloadSelector: { labels: serversOf(service.name) },
          // After the local limits: what those refuse is not asked for.
          priority: 1,
          configPatches: [
            {
              applyTo: 'HTTP_FILTER',
              match: beforeTheRouter,
              patch: { operation: 'INSERT_BEFORE', value: filterOf(graph, service) },
            },
          ],
        },
      ),
    )
}

const filterOf = (graph: Graph, service: Service) => ({
  name: 'envoy.filters.http.ratelimit',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit',
    domain,
    // Limits guard against misuse, the service is there to be used: when nobody counts, requests pass, and the limits
    // of each replica and of the edge still hold. A request waits for an answer no longer than this.
    failure_mode_deny: false,
    timeout: '0.1s',
    rate_limit_service: {
      transport_api_version: 'V3',
      // istiod's own cluster: its connections are mutual TLS. As an authority its name would not do.
      grpc_service: {
        envoy_grpc: { cluster_name: clusterOf(limitService), authority: hostOf(limitService) },
      },
    },
    rate_limits: [
      { actions: addressOf(service.name) },
      ...countedCalls(graph, service.name)
        .filter(({ kind }) => kindsFromOutside(graph, service).includes(kind))
        .map((counted) => ({ actions: [serviceKey(service.name), ...tenantAndKind(counted)] })),
    ],
    enable_x_ratelimit_headers: 'DRAFT_VERSION_03',
    response_headers_to_add: retryInASecond,
  },
})

const hostOf = ({ name, namespace }: ClusterHost) => dnsNameOf(name, namespace)

/** As istiod names it. */
const clusterOf = (to: ClusterHost & { port: number }) => `outbound|${to.port}||${hostOf(to)}`

const serviceKey = (service: string) => ({
  generic_key: { descriptor_key: 'service', descriptor_value: service },
})

/**
 * The client's address: a sidecar takes the last entry of X-Forwarded-For, which the edge has written; those before it
 * come from outside. Who calls from inside sends no such header and is not counted. One host has a whole /64 of IPv6.
 */
const addressOf = (service: string) => [
  {
    header_value_match: {
      descriptor_key: 'service',
      descriptor_value: service,
      headers: [{ name: 'x-forwarded-for', present_match: true }],
    },
  },
  { masked_remote_address: { v4_prefix_mask_len: 32, v6_prefix_mask_len: 64 } },
]

/** A descriptor of the rate limit service's configuration; without a value it stands for each value. */
interface Descriptor {
  key: string
  value?: string
  rate_limit?: { unit: string; requests_per_unit: number }
  /** Tells of each value how often it was counted. */
  value_to_metric?: true
  descriptors?: Descriptor[]
}

/**
 * The configuration of the rate limit service.
 * https://github.com/envoyproxy/ratelimit#configuration
 */
export function limitConfiguration(graph: Graph): { domain: string; descriptors: Descriptor[] } {
  const limits = globalLimits(graph)
  return {
    domain,
    descriptors: [...new Set(limits.map(({ service }) => service))].map((service) => ({
      key: 'service',
      value: service,
      descriptors: limits.filter((limit) => limit.service === service).map(descriptorOf),
    })),
  }
}

function descriptorOf(limit: GlobalLimit): Descriptor {
  const rate_limit = rateOf(limit)
  return limit.per === 'address'
    ? { key: 'masked_remote_address', rate_limit }
    : { key: 'kind', value: limit.kind!, descriptors: [{ key: 'tenant', rate_limit, value_to_metric: true }] }
}

const units: Readonly<Record<number, string>> = { 1: 'second', 60: 'minute', 3600: 'hour', 86400: 'day' }

function rateOf({ service, per, quota: { requests, seconds } }: GlobalLimit) {
  const unit = units[seconds]
  if (!unit)
    throw new Error(
      `${service}: a limit per ${per} counts ${seconds} seconds, and the rate limit service only knows windows of ${Object.keys(units).join(', ')}`,
    )
  return { unit, requests_per_unit: requests }
}
