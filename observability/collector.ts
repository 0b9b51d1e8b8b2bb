import { attributes, resourceAttributes } from '#kit/telemetry.ts'
import { collectorMetricsPorts, collectorPorts } from '../mesh/egress.ts'

/** Which traces are kept, once they are whole. What failed and what was slow is; of the rest a share. */
export interface Sampling {
  /** Percent of what neither failed nor was slow. */
  share: number
  /** Milliseconds from which a trace is slow. */
  slow: number
  /** Seconds after its first span in which a trace is expected to become whole. */
  wait: number
}

export interface CollectorOptions {
  sampling: Sampling
  /** Whether a backend outside takes traces, and logs too; else lines are counted, and read where processes write them. */
  outside: boolean
}

/** Variables of its process: the base URL that takes traces by OTLP over HTTP, and the token that one outside wants. */
export const variables = { url: 'TRACES_URL', token: 'TRACES_TOKEN' } as const
const variable = (name: keyof typeof variables) => `\${env:${variables[name]}}`

/** MiB that it may take. Its memory limiter refuses before that is reached; Go's collector works harder before that. */
export const memory = 384

/**
 * Bytes that wait for a backend which does not take them; in memory they are three times as much. What comes on top is
 * dropped: without a bound they would fill the memory that all signals share, and numbers be refused too.
 */
const queued = { sizer: 'bytes', queue_size: (memory / 16) * 2 ** 20 }

/** Of its health, for probes only. */
export const healthPort = 13133

/**
 * Of what Envoy tells of a request; left out are its URL, addresses, and what a client says of itself.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/observability/tracing
 */
export const proxyAttributes = {
  'guid:x-request-id': 'id of the request',
  'http.method': 'method',
  'http.protocol': 'version of HTTP',
  'http.status_code': 'status',
  'upstream_cluster.name': 'callee, of a caller’s proxy',
  response_flags: 'what the proxy did itself, in two letters',
  error: 'true where the status says so',
  'istio.canonical_service': 'whose proxy',
  'istio.namespace': 'its namespace',
} as const

/** All that may be told to whom it may concern; the rest is dropped here, whatever a process or a proxy sends. */
export const allowedKeys = Object.keys({ ...attributes, ...resourceAttributes, ...proxyAttributes }).sort()

/** Of metrics: no tenants and no requests, of which there are too many; and of the resource who, not where. */
export const metricKeys = [
  ...Object.keys(attributes).filter((key) => !['staffmesh.tenant', 'staffmesh.request'].includes(key)),
  'service.name',
  'service.instance.id',
].sort()

/** On all addresses: probes come to the pod's, the proxy beside it hands requests over to one of them. */
const host = '0.0.0.0'
const at = (port: number) => ({ endpoint: `${host}:${port}` })

/** A list that is empty by mistake lets nothing through. */
const redaction = (keys: readonly string[]) => ({
  allow_all_keys: false,
  allowed_keys: keys,
  summary: 'silent',
})

/** Whole traces are looked at, so all spans of one must come to one collector. */
const tailSampling = ({ share, slow, wait }: Sampling) => ({
  decision_wait: `${wait}s`,
  num_traces: 20_000,
  // What comes after the decision, e.g. the end of a long poll, goes the same way.
  decision_cache: { sampled_cache_size: 100_000, non_sampled_cache_size: 100_000 },
  policies: [
    { name: 'failed', type: 'status_code', status_code: { status_codes: ['ERROR'] } },
    { name: 'slow', type: 'latency', latency: { threshold_ms: slow } },
    { name: 'share', type: 'probabilistic', probabilistic: { sampling_percentage: share } },
  ],
})

/**
 * What the collector does with the telemetry of all workloads. First what bounds memory, so that what comes in is refused
 * and sent again; then the list of what may leave. Metrics are there to be fetched and never made of spans, of which most
 * are dropped.
 * https://opentelemetry.io/docs/collector/configuration/
 */
export const collectorConfiguration = ({ sampling, outside }: CollectorOptions) => ({
  extensions: { health_check: at(healthPort) },
  receivers: { otlp: { protocols: { http: at(collectorPorts.http), grpc: at(collectorPorts.grpc) } } },
  processors: {
    // Of the container's memory.
    memory_limiter: { check_interval: '1s', limit_percentage: 80, spike_limit_percentage: 20 },
    redaction: redaction(allowedKeys),
    'redaction/metrics': redaction(metricKeys),
    tail_sampling: tailSampling(sampling),
    batch: { timeout: '1s' },
  },
  exporters: {
    otlp_http: {
      endpoint: variable('url'),
      sending_queue: queued,
      ...(outside ? { headers: { authorization: `Bearer ${variable('token')}` } } : {}),
    },
    prometheus: {
      ...at(collectorMetricsPorts.services),
      // Labels of each series, as `metricKeys` bounds them.
      resource_to_telemetry_conversion: { enabled: true },
      without_scope_info: true,
      // Of processes that have gone.
      metric_expiration: '3m',
    },
    // A line a batch, nothing of what is in it.
    ...(outside ? {} : { debug: { verbosity: 'basic' } }),
  },
  service: {
    extensions: ['health_check'],
    pipelines: {
      traces: {
        receivers: ['otlp'],
        processors: ['memory_limiter', 'redaction', 'tail_sampling', 'batch'],
        exporters: ['otlp_http'],
      },
      metrics: {
        receivers: ['otlp'],
        processors: ['memory_limiter', 'redaction/metrics', 'batch'],
        exporters: ['prometheus'],
      },
      logs: {
        receivers: ['otlp'],
        processors: ['memory_limiter', 'redaction', 'batch'],
        exporters: [outside ? 'otlp_http' : 'debug'],
      },
    },
    telemetry: {
      logs: { encoding: 'json' },
      metrics: {
        level: 'normal',
        readers: [{ pull: { exporter: { prometheus: { host, port: collectorMetricsPorts.own } } } }],
      },
    },
  },
})
