import type { Quota, Service } from '#kit/service.ts'
import type { Graph } from './graph.ts'
import {
  beforeTheRouter,
  type CountedCalls,
  countedCalls,
  kinds,
  retryInASecond,
  tenantAndKind,
} from './limits.ts'
import { type Resource, resource, serversOf } from './resource.ts'

/** Tenants that may be active at once on one replica; Envoy would keep 20 buckets and forget the others' counts. */
export const expectedTenants = 10_000

/**
 * How much one tenant may ask of one replica. One EnvoyFilter a service: a token bucket per tenant and kind of operation
 * in the sidecar of each replica.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/local_rate_limit_filter
 */
export function localLimits(graph: Graph): Resource[] {
  return graph.services.flatMap((service) => {
    const calls = countedCalls(graph, service.name)
    if (calls.length === 0) return []
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
            patch: { operation: 'INSERT_BEFORE', value: filterOf(service, calls) },
          },
        ],
      },
    )
  })
}

const always = { default_value: { numerator: 100, denominator: 'HUNDRED' } }

function filterOf({ limits }: Service, calls: CountedCalls[]) {
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
      rate_limits: calls.map((counted) => ({ actions: tenantAndKind(counted) })),
      descriptors: kinds
        .filter((kind) => calls.some((counted) => counted.kind === kind))
        .map((kind) => ({
          // An entry without a value stands for each value: a bucket per tenant.
          entries: [{ key: 'kind', value: kind }, { key: 'tenant' }],
          token_bucket: bucketOf(limits.perTenant[kind]),
        })),
      response_headers_to_add: retryInASecond,
    },
  }
}

/** Refilled every second, so that a tenant never waits longer for some of its share. */
const bucketOf = ({ requests, seconds }: Quota) => ({
  max_tokens: Math.max(1, Math.round(requests / seconds) * 2),
  tokens_per_fill: Math.max(1, Math.round(requests / seconds)),
  fill_interval: '1s',
})
