import { identityHeaders } from '#kit/caller.ts'
import { kitProblems, problemBase } from '#kit/problem.ts'
import type { Quota, Service } from '#kit/service.ts'
import { callersOf, type Graph } from './graph.ts'
import { type Resource, resource, serversOf } from './resource.ts'

type Kind = 'query' | 'command'

/** Intent: how much one tenant may ask of one replica, and which operations count as which kind. */
export interface TenantLimit {
  kind: Kind
  quota: Quota
  method: string
  /** Regular expression of the paths of that kind and method. */
  path: string
}

export function tenantLimits(graph: Graph, service: Service): TenantLimit[] {
  const calls = callersOf(graph, service.name).flatMap(([, edges]) => edges)
  return (['query', 'command'] as const).flatMap((kind) => {
    const ofKind = calls.filter((call) => call.kind === kind)
    return [...new Set(ofKind.map((call) => call.method))].sort().map((method) => ({
      kind,
      quota: service.limits.perTenant[kind],
      method,
      path: alternatives(ofKind.filter((call) => call.method === method).map((call) => call.path)),
    }))
  })
}

const alternatives = (paths: string[]) =>
  [...new Set(paths.map((path) => path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/?]+')))]
    .sort()
    .join('|')

/** Tenants that may be active at once on one replica; Envoy would keep 20 buckets and forget the others' counts. */
const expectedTenants = 10_000

/**
 * One EnvoyFilter a service: a token bucket per tenant and kind of operation in the sidecar of each replica.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/local_rate_limit_filter
 */
export function tenantRateLimits(graph: Graph): Resource[] {
  return graph.services.flatMap((service) => {
    const limits = tenantLimits(graph, service)
    if (limits.length === 0) return []
    return resource(
      'networking.istio.io/v1alpha3',
      'EnvoyFilter',
      `${service.name}-tenant-limits`,
      `limits.perTenant of services/${service.name}/service.ts`,
      {
        workloadSelector: { labels: serversOf(service.name) },
        configPatches: [
          {
            applyTo: 'HTTP_FILTER',
            match: beforeTheRouter,
            patch: { operation: 'INSERT_BEFORE', value: filterOf(limits) },
          },
          {
            applyTo: 'NETWORK_FILTER',
            match: connectionManager,
            patch: { operation: 'MERGE', value: problemReply },
          },
        ],
      },
    )
  })
}

const manager = 'envoy.filters.network.http_connection_manager'
const connectionManager = {
  context: 'SIDECAR_INBOUND',
  listener: { filterChain: { filter: { name: manager } } },
}
/** After authentication, whose claims are the keys of the buckets. */
const beforeTheRouter = {
  context: 'SIDECAR_INBOUND',
  listener: { filterChain: { filter: { name: manager, subFilter: { name: 'envoy.filters.http.router' } } } },
}

const always = { default_value: { numerator: 100, denominator: 'HUNDRED' } }

function filterOf(limits: TenantLimit[]) {
  return {
    name: 'envoy.filters.http.local_ratelimit',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
      stat_prefix: 'tenant_limits',
      // What has no tenant, a probe or a feed, falls to this bucket, which is never empty.
      token_bucket: { max_tokens: 1_000_000, tokens_per_fill: 1_000_000, fill_interval: '1s' },
      always_consume_default_token_bucket: false,
      max_dynamic_descriptors: expectedTenants,
      filter_enabled: always,
      filter_enforced: always,
      rate_limits: limits.map((limit) => ({
        actions: [
          {
            header_value_match: {
              descriptor_key: 'kind',
              descriptor_value: limit.kind,
              headers: [
                { name: ':method', string_match: { exact: limit.method } },
                { name: ':path', string_match: { safe_regex: { regex: `(${limit.path})([?].*)?` } } },
              ],
            },
          },
          { request_headers: { header_name: identityHeaders.tid, descriptor_key: 'tenant' } },
        ],
      })),
      descriptors: uniqueKinds(limits).map((limit) => ({
        // An entry without a value stands for each value: a bucket per tenant.
        entries: [{ key: 'kind', value: limit.kind }, { key: 'tenant' }],
        token_bucket: bucketOf(limit.quota),
      })),
      response_headers_to_add: [
        { append_action: 'OVERWRITE_IF_EXISTS_OR_ADD', header: { key: 'retry-after', value: '1' } },
      ],
    },
  }
}

const uniqueKinds = (limits: TenantLimit[]) => [
  ...new Map(limits.map((limit) => [limit.kind, limit])).values(),
]

/** Refilled every second, so that a tenant never waits longer for some of its share. */
const bucketOf = ({ requests, seconds }: Quota) => ({
  max_tokens: Math.max(1, Math.round(requests / seconds) * 2),
  tokens_per_fill: Math.max(1, Math.round(requests / seconds)),
  fill_interval: '1s',
})

/** Envoy's own 429 as the problem document that services answer (RFC 9457). */
const problemReply = {
  typed_config: {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    local_reply_config: {
      mappers: [
        {
          filter: {
            status_code_filter: {
              comparison: { op: 'EQ', value: { default_value: 429, runtime_key: 'staffmesh_rate_limited' } },
            },
          },
          body_format_override: {
            content_type: 'application/problem+json',
            json_format: {
              type: `${problemBase}too-many-requests`,
              title: kitProblems['too-many-requests'].title,
              status: 429,
            },
          },
        },
      ],
    },
  },
}
