import { collector, collectorMetricsPorts, hostOf, sidecar } from './egress.ts'
import { limitMetricsPort, limitService } from './global-limits.ts'
import { controlPlane, inNamespace } from './network.ts'
import { namespaces, principal, type Resource, resource, selects, tcp } from './resource.ts'

/** Keeps traces for who looks at them, unless that is outside the cluster. */
export const traceStore = { name: 'jaeger', namespace: namespaces.observability } as const
/** Of OTLP over HTTP, and of its query API. */
export const traceStorePort = 4318
export const traceQueryPort = 16686

/** Fetches and keeps numbers, unless an operator's does. */
export const prometheus = { name: 'prometheus', namespace: namespaces.observability } as const
export const prometheusPort = 9090

/**
 * Of the agent in each sidecar: what Envoy and the agent count, past the proxy and in plaintext, as Istio has it.
 * https://istio.io/latest/docs/ops/integrations/prometheus/
 */
export const proxyMetricsPort = 15020

/** A Prometheus that an operator runs, with a sidecar of its own. */
export interface OutsidePrometheus {
  namespace: string
  serviceAccount: string
}

export interface MonitoringOptions {
  /** What takes traces, where that is outside the cluster. */
  outsideTraces?: { host: string; port: number } | undefined
  /** Who fetches numbers, where that is not ours. */
  outsidePrometheus?: OutsidePrometheus | undefined
}

/** Who may fetch numbers. */
export const scrapers = ({ outsidePrometheus: outside }: MonitoringOptions) =>
  outside
    ? {
        principal: principal(outside.namespace, outside.serviceAccount),
        pods: { namespaceSelector: inNamespace(outside.namespace) },
      }
    : {
        principal: principal(prometheus.namespace, prometheus.name),
        pods: { namespaceSelector: inNamespace(prometheus.namespace), podSelector: selects(prometheus.name) },
      }

/** Whom Jaeger and Prometheus reach, and who reaches them and the numbers of the proxies. */
export const monitoring = (options: MonitoringOptions): Resource[] => [
  ...Object.values(namespaces).map((namespace) => proxyMetrics(namespace, options)),
  ...(options.outsideTraces ? [serviceEntry(options.outsideTraces)] : jaeger()),
  ...(options.outsidePrometheus ? [] : ownPrometheus()),
]

const proxyMetrics = (namespace: string, options: MonitoringOptions) =>
  resource(
    'networking.k8s.io/v1',
    'NetworkPolicy',
    'proxy-metrics',
    'Prometheus fetches what the proxies count',
    {
      podSelector: {},
      policyTypes: ['Ingress'],
      ingress: [{ from: [scrapers(options).pods], ports: tcp(proxyMetricsPort) }],
    },
    namespace,
  )

function jaeger(): Resource[] {
  const reason =
    'the collector hands traces over, and nobody else; who looks at them comes by kubectl port-forward'
  return [
    here('security.istio.io/v1', 'AuthorizationPolicy', traceStore.name, reason, {
      selector: selects(traceStore.name),
      action: 'ALLOW',
      rules: [
        {
          from: [{ source: { principals: [principal(collector.namespace, collector.name)] } }],
          to: [{ operation: { ports: [String(traceStorePort)], methods: ['POST'], paths: ['/v1/traces'] } }],
        },
      ],
    }),
    sidecar(traceStore.name, traceStore.namespace, ['~/*'], 'it calls nobody: no namespace, no host'),
    here('networking.k8s.io/v1', 'NetworkPolicy', traceStore.name, reason, {
      podSelector: selects(traceStore.name),
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ podSelector: selects(collector.name) }], ports: tcp(traceStorePort) }],
      egress: controlPlane,
    }),
  ]
}

/** No AuthorizationPolicy names it: nobody in the mesh may ask it anything. */
function ownPrometheus(): Resource[] {
  const reason = 'it fetches numbers of the collector, of proxies and of the rate limit service'
  return [
    sidecar(prometheus.name, prometheus.namespace, [hostOf(collector), hostOf(limitService)], reason),
    here('networking.k8s.io/v1', 'NetworkPolicy', prometheus.name, reason, {
      podSelector: selects(prometheus.name),
      policyTypes: ['Ingress', 'Egress'],
      egress: [
        {
          to: [{ podSelector: selects(collector.name) }],
          ports: tcp(...Object.values(collectorMetricsPorts)),
        },
        {
          to: [
            {
              namespaceSelector: inNamespace(limitService.namespace),
              podSelector: selects(limitService.name),
            },
          ],
          ports: tcp(limitMetricsPort),
        },
        {
          to: Object.values(namespaces).map((name) => ({ namespaceSelector: inNamespace(name) })),
          ports: tcp(proxyMetricsPort),
        },
        ...controlPlane,
      ],
    }),
  ]
}

const serviceEntry = ({ host, port }: { host: string; port: number }) =>
  here(
    'networking.istio.io/v1',
    'ServiceEntry',
    traceStore.name,
    'telemetry.traces of cdk8s/environments.ts',
    {
      hosts: [host],
      exportTo: ['.'],
      // TLS is the collector's own, end to end: the proxy passes it on.
      ports: [{ number: port, name: 'tcp-otlp', protocol: 'TCP' }],
      location: 'MESH_EXTERNAL',
      resolution: 'DNS',
    },
  )

const here = (
  apiVersion: string,
  kind: string,
  name: string,
  reason: string,
  spec: Record<string, unknown>,
) => resource(apiVersion, kind, name, reason, spec, namespaces.observability)
