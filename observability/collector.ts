import { collectorPorts } from '../mesh/egress.ts'

/** Of its health, for probes only. */
export const healthPort = 13133

/** On all addresses: probes come to the pod's, the proxy beside it hands requests over to one of them. */
const at = (port: number) => ({ endpoint: `0.0.0.0:${port}` })

/** First what bounds memory, so that what comes in is refused and sent again, then what saves calls. */
const pipeline = () => ({
  receivers: ['otlp'],
  processors: ['memory_limiter', 'batch'],
  exporters: ['debug'],
})

/**
 * What the collector does with the telemetry of all workloads: it takes it by OTLP and counts it in its log, a line a
 * batch, nothing of what is in it.
 * https://opentelemetry.io/docs/collector/configuration/
 */
export const collectorConfiguration = {
  extensions: { health_check: at(healthPort) },
  receivers: { otlp: { protocols: { http: at(collectorPorts.http), grpc: at(collectorPorts.grpc) } } },
  processors: {
    // Of the container's memory.
    memory_limiter: { check_interval: '1s', limit_percentage: 80, spike_limit_percentage: 20 },
    // Of its own log the collector keeps ten like lines in ten seconds; two are written.
    batch: { timeout: '5s' },
  },
  exporters: { debug: { verbosity: 'basic' } },
  service: {
    extensions: ['health_check'],
    pipelines: { traces: pipeline(), metrics: pipeline(), logs: pipeline() },
    // Of itself it tells no numbers: nobody reads them.
    telemetry: { logs: { encoding: 'json' }, metrics: { level: 'none' } },
  },
} as const
