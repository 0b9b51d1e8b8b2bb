import { collector, collectorMetricsPorts, collectorPorts, hostOf, sidecar } from './egress.ts'
import { type MonitoringOptions, scrapers, traceStore, traceStorePort } from './monitoring.ts'
import { controlPlane, inNamespace } from './network.ts'
import { namespaces, type Resource, resource, selects, tcp } from './resource.ts'

/** Whose telemetry it takes: all that we run but its own, which would go round in circles. */
const senders = Object.values(namespaces).filter((name) => name !== collector.namespace)

/** As OTLP names them: https://opentelemetry.io/docs/specs/otlp/ */
const signals = { traces: 'trace', metrics: 'metrics', logs: 'logs' } as const
const paths = Object.entries(signals).flatMap(([path, name]) => [
  `/v1/${path}`,
  `/opentelemetry.proto.collector.${name}.v1.${name[0]!.toUpperCase()}${name.slice(1)}Service/Export`,
])

/** Who reaches the collector, and what it reaches: every workload of ours, and what keeps traces. */
export function collectorPolicies(options: MonitoringOptions): Resource[] {
  const reason =
    'every workload of ours sends its telemetry here, Prometheus fetches what can be counted, and nobody else'
  const otlp = Object.values(collectorPorts)
  const metrics = Object.values(collectorMetricsPorts)
  const scraper = scrapers(options)
  const { outsideTraces } = options
  return [
    inItsNamespace('security.istio.io/v1', 'AuthorizationPolicy', reason, {
      selector: selects(collector.name),
      action: 'ALLOW',
      rules: [
        {
          from: [{ source: { namespaces: senders } }],
          to: [{ operation: { ports: otlp.map(String), methods: ['POST'], paths } }],
        },
        {
          from: [{ source: { principals: [scraper.principal] } }],
          to: [{ operation: { ports: metrics.map(String), methods: ['GET'], paths: ['/metrics'] } }],
        },
      ],
    }),
    sidecar(
      collector.name,
      collector.namespace,
      [outsideTraces ? `${collector.namespace}/${outsideTraces.host}` : hostOf(traceStore)],
      'it hands traces on, and calls nobody else',
    ),
    inItsNamespace('networking.k8s.io/v1', 'NetworkPolicy', reason, {
      podSelector: selects(collector.name),
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        { from: senders.map((name) => ({ namespaceSelector: inNamespace(name) })), ports: tcp(...otlp) },
        { from: [scraper.pods], ports: tcp(...metrics) },
      ],
      egress: [
        outsideTraces
          ? { ports: tcp(outsideTraces.port) }
          : { to: [{ podSelector: selects(traceStore.name) }], ports: tcp(traceStorePort) },
        ...controlPlane,
      ],
    }),
  ]
}

const inItsNamespace = (apiVersion: string, kind: string, reason: string, spec: Record<string, unknown>) =>
  resource(apiVersion, kind, collector.name, reason, spec, collector.namespace)
