import { collector, collectorPorts } from './egress.ts'
import { dnsNameOf, trustDomain } from './resource.ts'
import { providers } from './telemetry.ts'

/**
 * What proxies write of a call, in Envoy's words. No path, for it holds keys of people, nor its query, which holds the
 * words that are searched for; the operation is the route's name. No address and no user agent; callers are workloads.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators
 */
const accessLog = {
  time: '%START_TIME%',
  caller: '%DOWNSTREAM_PEER_URI_SAN%',
  upstream: '%UPSTREAM_CLUSTER%',
  operation: '%ROUTE_NAME%',
  method: '%REQ(:METHOD)%',
  protocol: '%PROTOCOL%',
  status: '%RESPONSE_CODE%',
  flags: '%RESPONSE_FLAGS%',
  details: '%RESPONSE_CODE_DETAILS%',
  attempts: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  ms: '%DURATION%',
  received: '%BYTES_RECEIVED%',
  sent: '%BYTES_SENT%',
  trace_id: '%TRACE_ID%',
}

/**
 * Of Envoy's numbers those of calls between our workloads, and of what limits and policies refuse, beside the few that
 * Istio keeps: all of them would be thousands a proxy. As observability/names.ts reads them.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
 */
const ofClusters = [
  'upstream_rq_([0-9]+|[0-9]xx|time|total|timeout|active|pending_overflow)',
  'upstream_rq_retry(_limit_exceeded|_overflow|_success)?',
  'upstream_cx_(active|connect_fail|overflow|total)',
  'membership_(healthy|total)',
  'outlier_detection[.]ejections_(active|enforced_total)',
  'ssl[.](handshake|connection_error)',
  'ratelimit[.](ok|over_limit|error)',
]
const ofListeners = [
  'http_local_rate_limit[.].*',
  'rbac[.](allowed|denied)',
  'ssl[.](handshake|no_certificate)',
]
const keptStats = [
  `cluster[.](outbound|inbound)[|].*[.](${ofClusters.join('|')})`,
  `(http|listener|tenant_limits)[.](.*[.])?(${ofListeners.join('|')})`,
]

/**
 * What the policies of this folder expect of the control plane: values for Istio's official chart `istiod`.
 * https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
 */
export const istiodValues = {
  meshConfig: {
    trustDomain,
    outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
    defaultConfig: { proxyStatsMatcher: { inclusionRegexps: keptStats } },
    extensionProviders: [
      { name: providers.logs, envoyFileAccessLog: { path: '/dev/stdout', logFormat: { labels: accessLog } } },
      {
        name: providers.traces,
        opentelemetry: {
          service: dnsNameOf(collector.name, collector.namespace),
          port: collectorPorts.http,
          // Envoy takes no listener that sends spans without a timeout.
          http: { path: '/v1/traces', timeout: '5s' },
          // Of URLs, which Envoy would put into spans with their queries.
          maxTagLength: 1,
        },
      },
    ],
  },
  pilot: {
    env: { ENABLE_NATIVE_SIDECARS: 'true' },
    // By istio-cni: an init container that redirects traffic could not be restricted.
    cni: { enabled: true },
    // Whoever asks on its plaintext port, which would be :15010, is told the configuration of any proxy. Ours never do.
    extraContainerArgs: ['--grpcAddr='],
  },
}
