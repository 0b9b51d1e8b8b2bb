import { isLimited, limitService } from './global-limits.ts'
import { calleesOf, edge, type Graph } from './graph.ts'
import { type DatabaseOptions, hostOf as hostOfInstance } from './instances.ts'
import { type OutsideAddresses, outsideHostsOf } from './outside.ts'
import { dnsNameOf, namespaces, type Resource, resource } from './resource.ts'

/** A service in the cluster that workloads need besides their callees. */
export interface ClusterHost {
  name: string
  namespace: string
}

/** What every workload needs: where telemetry goes. */
export const collector: ClusterHost = { name: 'otel-collector', namespace: namespaces.observability }
/** Of OTLP. */
export const collectorPorts = { http: 4318, grpc: 4317 } as const
/** Where Prometheus fetches what services measure, and what the collector tells of itself. */
export const collectorMetricsPorts = { services: 8889, own: 8888 } as const

/** As a Sidecar names a host. */
export const hostOf = ({ name, namespace }: ClusterHost) => `${namespace}/${dnsNameOf(name, namespace)}`

/** An instance in the cluster is a service, an outside one a ServiceEntry (databases.ts) of the same namespace. */
function databaseOf(service: string, options: DatabaseOptions): string {
  const instance = options.instanceOf(service)
  return `${namespaces.databases}/${options.outside?.[instance]?.host ?? hostOfInstance(instance, options)}`
}

export interface EgressOptions extends DatabaseOptions {
  outsideHosts?: OutsideAddresses | undefined
}

/**
 * One Sidecar a workload: its proxy knows just the declared callees and outside hosts, its database, the rate limit
 * service where that counts its requests, and the collector, and nothing that is not in the registry.
 * https://istio.io/latest/docs/reference/config/networking/sidecar/
 */
export function egress(graph: Graph, options: EgressOptions): Resource[] {
  const sidecars = graph.services.map((service) => {
    const needed = [
      ...calleesOf(graph, service.name).map((name) => hostOf({ name, namespace: namespaces.services })),
      ...(service.database ? [databaseOf(service.name, options)] : []),
      ...outsideHostsOf(graph, service.name, options.outsideHosts ?? {}),
      ...(isLimited(graph, service.name) ? [hostOf(limitService)] : []),
      hostOf(collector),
    ]
    return sidecar(
      service.name,
      namespaces.services,
      needed,
      `services/${service.name}/service.ts declares these calls`,
    )
  })
  const callees = calleesOf(graph, edge).map((name) => hostOf({ name, namespace: namespaces.services }))
  return [
    ...sidecars,
    sidecar(
      edge,
      namespaces.edge,
      [...callees, hostOf(collector)],
      'the edge reaches what has public routes',
    ),
  ]
}

export function sidecar(
  workload: string,
  namespace: string,
  needed: readonly string[],
  reason: string,
): Resource {
  return resource(
    'networking.istio.io/v1',
    'Sidecar',
    workload,
    reason,
    {
      workloadSelector: { labels: { 'app.kubernetes.io/part-of': workload } },
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      egress: [
        {
          hosts: [...needed].sort(),
        },
      ],
    },
    namespace,
  )
}
