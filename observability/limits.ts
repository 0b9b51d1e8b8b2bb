import { labelName } from './names.ts'

/** As the service names what it counts, after the descriptors of mesh/global-limits.ts. */
const counted =
  'ratelimit\\.service\\.rate_limit\\.[^.]+\\.service_([^.]+)\\.kind_([^.]+)\\.tenant_([^.]+)\\.(total_hits|over_limit)'

/**
 * What the rate limit service tells Prometheus: of each tenant that asked in the last quarter of an hour how often, and
 * how often it was refused; two series a tenant for each service and kind of operation. Tenants are told by their ids.
 * https://github.com/prometheus/statsd_exporter#metric-mapping-and-configuration
 */
export const limitMetrics = {
  defaults: { ttl: '15m' },
  mappings: [
    {
      match: counted,
      match_type: 'regex',
      name: 'staffmesh_tenant_$4',
      labels: { [labelName('service.name')]: '$1', [labelName('staffmesh.kind')]: '$2', tenant: '$3' },
    },
    { match: '.', match_type: 'regex', action: 'drop', name: 'dropped' },
  ],
}
