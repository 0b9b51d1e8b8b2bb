import { collector, collectorPorts, sidecar } from './egress.ts'
import { controlPlane, inNamespace } from './network.ts'
import { namespaces, type Resource, resource, selects } from './resource.ts'

/** Whose telemetry it takes: all that we run but its own, which would go round in circles. */
const senders = Object.values(namespaces).filter((name) => name !== collector.namespace)

/** As OTLP names them: https://opentelemetry.io/docs/specs/otlp/ */
const signals = { traces: 'trace', metrics: 'metrics', logs: 'logs' } as const
const paths = Object.entries(signals).flatMap(([path, name]) => [
  `/v1/${path}`,
  `/opentelemetry.proto.collector.${name}.v1.${name[0]!.toUpperCase()}${name.slice(1)}Service/Export`,
])

/** Who reaches the collector, and what it reaches: every workload of ours, and nothing. */
export function collectorPolicies(): Resource[] {
  const reason = 'every workload of ours sends its telemetry here, and nobody else'
  const ports = Object.values(collectorPorts)
  return [
    inItsNamespace('security.istio.io/v1', 'AuthorizationPolicy', reason, {
      selector: selects(collector.name),
      action: 'ALLOW',
      rules: [
        {
          from: [{ source: { namespaces: senders } }],
          to: [{ operation: { ports: ports.map(String), methods: ['POST'], paths } }],
        },
      ],
    }),
    sidecar(collector.name, collector.namespace, ['~/*'], 'it calls nobody: no namespace, no host'),
    inItsNamespace('networking.k8s.io/v1', 'NetworkPolicy', reason, {
      podSelector: selects(collector.name),
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          from: senders.map((name) => ({ namespaceSelector: inNamespace(name) })),
          ports: ports.map((port) => ({ protocol: 'TCP', port })),
        },
      ],
      egress: controlPlane,
    }),
  ]
}

const inItsNamespace = (apiVersion: string, kind: string, reason: string, spec: Record<string, unknown>) =>
  resource(apiVersion, kind, collector.name, reason, spec, collector.namespace)
