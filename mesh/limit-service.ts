import { collector, hostOf, sidecar } from './egress.ts'
import { isLimited, limitMetricsPort, limitService } from './global-limits.ts'
import type { Graph } from './graph.ts'
import { type MonitoringOptions, scrapers } from './monitoring.ts'
import { inNamespace, platform } from './network.ts'
import { dnsNameOf, namespaces, principal, type Resource, resource, selects, tcp } from './resource.ts'

/** Where the rate limit service counts, unless that is outside the cluster. */
export const limitStore = { name: 'ratelimit-store', namespace: namespaces.limits, port: 6379 } as const

export interface LimitOptions extends MonitoringOptions {
  /** The store, where it runs outside the cluster. */
  outsideStore?: { host: string; port: number } | undefined
}

/**
 * Who reaches the rate limit service and its store: only sidecars that count and who fetches numbers, only the service.
 */
export function limitServicePolicies(graph: Graph, options: LimitOptions): Resource[] {
  const counting = graph.services.map(({ name }) => name).filter((name) => isLimited(graph, name))
  const { outsideStore } = options
  return [...limits(counting, options), ...(outsideStore ? [serviceEntry(outsideStore)] : store())]
}

function limits(counting: readonly string[], options: LimitOptions): Resource[] {
  const { outsideStore } = options
  const scraper = scrapers(options)
  const { name, port } = limitService
  const reason =
    'the sidecars of services that count over all replicas ask here, Prometheus fetches what was counted, and nobody else'
  const storeHost = outsideStore ? `${namespaces.limits}/${outsideStore.host}` : hostOf(limitStore)
  return [
    inLimits('security.istio.io/v1', 'AuthorizationPolicy', name, reason, {
      selector: selects(name),
      action: 'ALLOW',
      rules: [
        {
          from: [{ source: { principals: counting.map((each) => principal(namespaces.services, each)) } }],
          to: [
            {
              operation: {
                ports: [String(port)],
                methods: ['POST'],
                paths: ['/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit'],
              },
            },
          ],
        },
        {
          from: [{ source: { principals: [scraper.principal] } }],
          to: [{ operation: { ports: [String(limitMetricsPort)], methods: ['GET'], paths: ['/metrics'] } }],
        },
      ],
    }),
    inLimits(
      'networking.istio.io/v1',
      'DestinationRule',
      name,
      'a replica that does not answer is left out',
      {
        host: dnsNameOf(name, namespaces.limits),
        trafficPolicy: {
          loadBalancer: { simple: 'LEAST_REQUEST' },
          connectionPool: { tcp: { connectTimeout: '1s' } },
          outlierDetection: {
            consecutive5xxErrors: 5,
            interval: '5s',
            baseEjectionTime: '15s',
            maxEjectionPercent: 50,
          },
        },
      },
    ),
    sidecar(name, namespaces.limits, [storeHost, hostOf(collector)], 'it counts in the store'),
    inLimits('networking.k8s.io/v1', 'NetworkPolicy', name, reason, {
      podSelector: selects(name),
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          from: counting.map((each) => ({
            namespaceSelector: inNamespace(namespaces.services),
            podSelector: selects(each),
          })),
          ports: tcp(port),
        },
        { from: [scraper.pods], ports: tcp(limitMetricsPort) },
      ],
      egress: [
        outsideStore
          ? { ports: tcp(outsideStore.port) }
          : { to: [{ podSelector: selects(limitStore.name) }], ports: tcp(limitStore.port) },
        ...platform,
      ],
    }),
    // Beside those of network.ts: policies add up.
    resource('networking.k8s.io/v1', 'NetworkPolicy', 'global-limits', reason, {
      podSelector: {
        matchExpressions: [{ key: 'app.kubernetes.io/part-of', operator: 'In', values: [...counting] }],
      },
      policyTypes: ['Egress'],
      egress: [
        {
          to: [{ namespaceSelector: inNamespace(namespaces.limits), podSelector: selects(name) }],
          ports: tcp(port),
        },
      ],
    }),
  ]
}

function store(): Resource[] {
  const { name, port } = limitStore
  const reason = 'the rate limit service counts here, and nobody else'
  return [
    inLimits('security.istio.io/v1', 'AuthorizationPolicy', name, reason, {
      selector: selects(name),
      action: 'ALLOW',
      rules: [
        {
          from: [{ source: { principals: [principal(namespaces.limits, limitService.name)] } }],
          to: [{ operation: { ports: [String(port)] } }],
        },
      ],
    }),
    sidecar(name, namespaces.limits, [hostOf(collector)], 'it calls nobody'),
    inLimits('networking.k8s.io/v1', 'NetworkPolicy', name, reason, {
      podSelector: selects(name),
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ podSelector: selects(limitService.name) }], ports: tcp(port) }],
      egress: platform,
    }),
  ]
}

const serviceEntry = ({ host, port }: { host: string; port: number }) =>
  inLimits(
    'networking.istio.io/v1',
    'ServiceEntry',
    limitStore.name,
    'limits.store of cdk8s/environments.ts',
    {
      hosts: [host],
      // TLS is the client's own, end to end: the proxy passes it on.
      ports: [{ number: port, name: 'tcp-redis', protocol: 'TCP' }],
      location: 'MESH_EXTERNAL',
      resolution: 'DNS',
    },
  )

const inLimits = (
  apiVersion: string,
  kind: string,
  name: string,
  reason: string,
  spec: Record<string, unknown>,
) => resource(apiVersion, kind, name, reason, spec, namespaces.limits)
