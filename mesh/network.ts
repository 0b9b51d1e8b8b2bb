import type { EgressOptions } from './egress.ts'
import { collector, collectorPorts } from './egress.ts'
import { calleesOf, callersOf, edge, type Graph } from './graph.ts'
import { namespaces, type Resource, resource, selects, servicePort, tcp } from './resource.ts'

/**
 * The same graph as a second wall, below the mesh: packets pass only between pods that call each other, and to what
 * every pod needs. https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
export function networkPolicies(graph: Graph, options: EgressOptions): Resource[] {
  const services = graph.services.map((service) =>
    policy(
      service.name,
      namespaces.services,
      `services/*/service.ts declare who calls ${service.name} and whom it calls`,
      callersOf(graph, service.name).map(([caller]) => caller),
      calleesOf(graph, service.name),
      service.database ? [databaseRule(options.instanceOf(service.name), options)] : [],
    ),
  )
  return [
    ...Object.values(namespaces).map(denyAll),
    ...services,
    policy(edge, namespaces.edge, 'the edge is the only way in', 'anywhere', calleesOf(graph, edge), []),
  ]
}

export const postgresPort = 5432

const denyAll = (namespace: string) =>
  resource(
    'networking.k8s.io/v1',
    'NetworkPolicy',
    'deny-all',
    'no packet passes until a policy says so',
    { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
    namespace,
  )

function policy(
  name: string,
  namespace: string,
  reason: string,
  callers: readonly string[] | 'anywhere',
  callees: readonly string[],
  databases: readonly object[],
): Resource {
  const port = { protocol: 'TCP', port: servicePort }
  const ingress =
    callers === 'anywhere'
      ? [{ ports: [port] }]
      : callers.length === 0
        ? []
        : [{ from: callers.map(podsOf), ports: [port] }]
  return resource(
    'networking.k8s.io/v1',
    'NetworkPolicy',
    name,
    reason,
    {
      podSelector: { matchLabels: partOf(name) },
      policyTypes: ['Ingress', 'Egress'],
      ingress,
      egress: [
        ...(callees.length === 0 ? [] : [{ to: callees.map(podsOf), ports: [port] }]),
        ...databases,
        ...platform,
      ],
    },
    namespace,
  )
}

const partOf = (workload: string) => ({ 'app.kubernetes.io/part-of': workload })
export const inNamespace = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } })

const podsOf = (workload: string) => ({
  namespaceSelector: inNamespace(workload === edge ? namespaces.edge : namespaces.services),
  podSelector: { matchLabels: partOf(workload) },
})

/** Packets know no host names: to an outside instance the port is all that they are held to; egress.ts holds the host. */
function databaseRule(instance: string, { outside }: EgressOptions) {
  const address = outside?.[instance]
  if (address) return { ports: tcp(address.port) }
  return {
    to: [
      {
        namespaceSelector: inNamespace(namespaces.databases),
        podSelector: { matchLabels: partOf(instance) },
      },
    ],
    ports: tcp(postgresPort),
  }
}

/** What every proxy needs: names, and who tells it what to do. */
export const controlPlane = [
  {
    to: [
      {
        namespaceSelector: inNamespace('kube-system'),
        podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
      },
    ],
    ports: [
      { protocol: 'UDP', port: 53 },
      { protocol: 'TCP', port: 53 },
    ],
  },
  {
    to: [{ namespaceSelector: inNamespace('istio-system'), podSelector: { matchLabels: { app: 'istiod' } } }],
    ports: tcp(15012),
  },
]

/** What every pod needs: that, and a place for telemetry. */
export const platform = [
  ...controlPlane,
  {
    to: [{ namespaceSelector: inNamespace(collector.namespace), podSelector: selects(collector.name) }],
    ports: tcp(...Object.values(collectorPorts)),
  },
]
