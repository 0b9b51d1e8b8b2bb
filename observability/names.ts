/**
 * How things are called in Prometheus: one vocabulary for rules, dashboards and what scrapes.
 * https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 */
import { type Attributes, type Count, counts, type Duration } from '#kit/telemetry.ts'
import { dnsNameOf, namespaces } from '../mesh/resource.ts'

/** Of the resource that measures; the collector makes them labels of each series. */
export type ResourceAttribute = 'service.name' | 'service.instance.id'
export type Attribute = keyof Attributes | ResourceAttribute

/** What is scraped, as the label `job` tells. */
export const scrapeJobs = {
  /** What the services measure, handed on by the collector with the labels that they gave. */
  services: 'services',
  /** The collector about itself. */
  collector: 'otel-collector',
  /** The rate limit service, about tenants. */
  limits: 'limits',
  /** The proxies beside all workloads. */
  proxies: 'proxies',
} as const

const underscored = (name: string) => name.replaceAll('.', '_')

/** A histogram of seconds. */
export const metricName = (metric: Duration) => `${underscored(metric)}_seconds`

export const labelName = (attribute: Attribute) => underscored(attribute)

/** `error_type!=""`: the series of what failed. */
export const anyValue = Symbol('any value')

/** A value, one of several, any but none, none of several, or those that are chosen on a dashboard. */
export type Wanted =
  | string
  | readonly string[]
  | typeof anyValue
  | { not: readonly string[] }
  | { variable: string }

/** The part of a histogram's series with these labels, e.g. `staffmesh_job_lag_seconds_count{service_name="leave"}`. */
export function series(
  metric: Duration,
  part: 'bucket' | 'count' | 'sum',
  wanted: Readonly<Partial<Record<Attribute | 'le', Wanted>>> = {},
): string {
  return `${metricName(metric)}_${part}${selected(wanted)}`
}

/** How many: the series of a count with these labels, e.g. `staffmesh_open_streams{service_name="leave"}`. */
export const many = (metric: Count, wanted: Readonly<Partial<Record<Attribute, Wanted>>> = {}) =>
  `${underscored(metric)}${counts[metric].falls ? '' : '_total'}${selected(wanted)}`

function selected(wanted: Readonly<Partial<Record<Attribute | 'le', Wanted>>>): string {
  const labels = Object.entries(wanted).map(([attribute, value]) =>
    matcher(labelName(attribute as Attribute), value),
  )
  return labels.length > 0 ? `{${labels.join(',')}}` : ''
}

/** `le` of the bucket up to one of the histograms' bounds. From version 3 Prometheus writes whole numbers as `1.0`. */
export const upTo = (seconds: number): Wanted =>
  Number.isInteger(seconds) ? [`${seconds}`, `${seconds}.0`] : `${seconds}`

/**
 * What is read of the proxies: Envoy's own stats, by `cluster_name`, which Istio leaves out unless told to keep them, and
 * what Istio's agent tells beside them.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
 * https://istio.io/latest/docs/reference/commands/pilot-agent/#metrics
 */
export const proxyMetrics = {
  /** Answers to callers, after all tries, by `response_code` and once more by `response_code_class`. */
  answers: 'envoy_cluster_upstream_rq',
  /** Milliseconds until they came, a histogram; a stream counts with all the time that it is open. */
  answerTime: 'envoy_cluster_upstream_rq_time',
  /** Tries beyond the first. */
  retries: 'envoy_cluster_upstream_rq_retry',
  /** Requests that failed although they were tried as often as they may be. */
  retriesExhausted: 'envoy_cluster_upstream_rq_retry_limit_exceeded',
  /** Requests that were not tried again, since too many others were at that time. */
  retriesOverBudget: 'envoy_cluster_upstream_rq_retry_overflow',
  /** How many replicas of a callee a caller knows that could answer. */
  replicas: 'envoy_cluster_membership_healthy',
  /** How many of them it leaves out at the moment, since they failed. */
  ejected: 'envoy_cluster_outlier_detection_ejections_active',
  /** Requests that were refused at once, since too many were waiting for a connection. */
  overflowing: 'envoy_cluster_upstream_rq_pending_overflow',
  connections: 'envoy_cluster_upstream_cx_total',
  connectionsFailed: 'envoy_cluster_upstream_cx_connect_fail',
  /** Those of them that became TLS. */
  handshakes: 'envoy_cluster_ssl_handshake',
  /** What authorization policies decided of requests, by `authz_enforce_result`. */
  decided: 'envoy_http_rbac',
  /** Requests beyond the limit of a tenant in one replica; beyond that in all, or of an address. */
  overLimit: 'envoy_tenant_limits_http_local_rate_limit_rate_limited',
  overLimitOverall: 'envoy_cluster_ratelimit_over_limit',
  /** Seconds until a workload's certificate ends. */
  certificateEndsIn: 'istio_agent_cert_expiry_seconds',
} as const

/** What the rate limit service tells of tenants, by `tenant`, `service_name` and `staffmesh_kind`. */
export const tenantMetrics = {
  /** Requests that it was asked about: all from outside but what a replica refused itself. */
  requests: 'staffmesh_tenant_total_hits',
  /** Those of them that it refused. */
  overLimit: 'staffmesh_tenant_over_limit',
} as const

const signals = ['spans', 'metric_points', 'log_records'] as const
/** What the collector tells of itself: https://opentelemetry.io/docs/collector/internal-telemetry/ */
export const collectorMetrics = {
  /** What it did not take, since its memory is full. */
  refused: signals.map((signal) => `otelcol_receiver_refused_${signal}`),
  /** What it took and could not hand on. */
  unsent: signals.flatMap((signal) => [
    `otelcol_exporter_send_failed_${signal}`,
    `otelcol_exporter_enqueue_failed_${signal}`,
  ]),
} as const

/** Selects what callers' proxies tell of a service, or of all. */
export const calledService = (service?: string) =>
  `cluster_name=~${calledCluster(service === undefined ? '([^.]+)' : literally(service))}`

/** Makes the callee, which is a part of `cluster_name`, the label that the service's own series have. */
export const byCallee = (expression: string) =>
  `label_replace(${expression}, "${labelName('service.name')}", "$1", "cluster_name", ${calledCluster('([^.]+)')})`

/** A callee as Envoy calls it, e.g. `outbound|8080|stable|leave.staffmesh.svc.cluster.local`. */
const calledCluster = (service: string) =>
  JSON.stringify(`outbound\\|\\d+\\|[^|]*\\|${service}${literally(dnsNameOf('', namespaces.services))};?`)

/** One label as PromQL selects by it. */
export function matcher(label: string, wanted: Wanted): string {
  if (wanted === anyValue) return `${label}!=""`
  if (typeof wanted === 'string') return `${label}=${JSON.stringify(wanted)}`
  // Grafana writes what is chosen as a regular expression.
  if ('variable' in wanted) return `${label}=~"$${wanted.variable}"`
  return 'not' in wanted ? `${label}!~${anyOf(wanted.not)}` : `${label}=~${anyOf(wanted)}`
}

const anyOf = (values: readonly string[]) => JSON.stringify(values.map(literally).join('|'))

const literally = (value: string) => value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
