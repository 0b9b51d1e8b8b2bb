import { calleesOf, edge, type Graph } from './graph.ts'
import { namespaces, type Resource, resource } from './resource.ts'

/** A service in the cluster that workloads need besides their callees. */
export interface ClusterHost {
  name: string
  namespace: string
}

/** What every workload needs: where telemetry goes. */
export const collector: ClusterHost = { name: 'otel-collector', namespace: 'observability' }

/** The host that a service's database has in the cluster; outside ones are ServiceEntries of the same namespace. */
export const databaseHost = (instance: string): ClusterHost => ({
  name: instance,
  namespace: namespaces.databases,
})

export interface EgressOptions {
  /** The instance that keeps a service's database. */
  instanceOf: (service: string) => string
  limits?: ClusterHost
}

/**
 * One Sidecar a workload: its proxy knows just the declared callees, its database and the collector, and nothing that
 * is not in the registry.
 * https://istio.io/latest/docs/reference/config/networking/sidecar/
 */
export function egress(graph: Graph, options: EgressOptions): Resource[] {
  const sidecars = graph.services.map((service) => {
    const needed: ClusterHost[] = [
      ...calleesOf(graph, service.name).map((name) => ({ name, namespace: namespaces.services })),
      ...(service.database ? [databaseHost(options.instanceOf(service.name))] : []),
      ...(options.limits ? [options.limits] : []),
      collector,
    ]
    return sidecar(
      service.name,
      namespaces.services,
      needed,
      `services/${service.name}/service.ts declares these calls`,
    )
  })
  const callees = calleesOf(graph, edge).map((name) => ({ name, namespace: namespaces.services }))
  return [
    ...sidecars,
    sidecar(edge, namespaces.edge, [...callees, collector], 'the edge reaches what has public routes'),
  ]
}

function sidecar(workload: string, namespace: string, needed: ClusterHost[], reason: string): Resource {
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
          hosts: needed
            .map((host) => `${host.namespace}/${host.name}.${host.namespace}.svc.cluster.local`)
            .sort(),
        },
      ],
    },
    namespace,
  )
}
