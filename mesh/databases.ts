import type { Graph } from './graph.ts'
import { inNamespace, platform, postgresPort } from './network.ts'
import { namespaces, principal, type Resource, resource, selects } from './resource.ts'

export interface DatabaseOptions {
  /** The instance that keeps a service's database. */
  instanceOf: (service: string) => string
  /** Where an instance is that runs outside the cluster. */
  outside?: Readonly<Record<string, { host: string; port: number }>>
}

/** Part-of label of the jobs that make databases and roles; they stand beside the instances. */
export const provisioning = 'provisioning'

/** Workload identities; charts/ makes the accounts. */
export const migrationAccount = (service: string) => `${service}-migration`
export const provisioningAccount = (service: string) => `${service}-${provisioning}`

/** The services whose databases an instance keeps, by instance. */
export function instancesOf(graph: Graph, { instanceOf }: DatabaseOptions): Map<string, string[]> {
  const instances = new Map<string, string[]>()
  for (const { name, database } of graph.services)
    if (database) instances.set(instanceOf(name), [...(instances.get(instanceOf(name)) ?? []), name])
  return instances
}

/**
 * Who may open a connection to an instance: servers and workers of the services that keep their data there, their
 * migrations, and the jobs that make their databases. What each may do there is the matter of PostgreSQL's roles.
 * An instance outside the cluster becomes a host that proxies know.
 * https://istio.io/latest/docs/reference/config/networking/service-entry/
 */
export function databases(graph: Graph, options: DatabaseOptions): Resource[] {
  const instances = [...instancesOf(graph, options)]
  const inside = instances.filter(([instance]) => !options.outside?.[instance])
  return [
    ...instances.flatMap(([instance, services]) => {
      const because = `services/*/service.ts declare databases, the environment puts those of ${services.join(', ')} here`
      const outside = options.outside?.[instance]
      return outside
        ? [serviceEntry(instance, outside, because)]
        : [authorization(instance, services, because), packets(instance, services, because)]
    }),
    ...(inside.length === 0
      ? []
      : [
          proxies(inside.map(([instance]) => instance)),
          packetsOfProvisioning(inside.map(([instance]) => instance)),
        ]),
  ]
}

const serviceEntry = (instance: string, { host, port }: { host: string; port: number }, reason: string) =>
  inDatabases('networking.istio.io/v1', 'ServiceEntry', instance, reason, {
    hosts: [host],
    // TLS is the client's own, verify-full, end to end: the proxy passes it on.
    ports: [{ number: port, name: 'tcp-postgres', protocol: 'TCP' }],
    location: 'MESH_EXTERNAL',
    resolution: 'DNS',
  })

const authorization = (instance: string, services: readonly string[], reason: string) =>
  inDatabases('security.istio.io/v1', 'AuthorizationPolicy', instance, reason, {
    selector: selects(instance),
    action: 'ALLOW',
    rules: [
      {
        from: [
          {
            source: {
              principals: services.flatMap((service) => [
                principal(namespaces.services, service),
                principal(namespaces.services, migrationAccount(service)),
                principal(namespaces.databases, provisioningAccount(service)),
              ]),
            },
          },
        ],
        to: [{ operation: { ports: [String(postgresPort)] } }],
      },
    ],
  })

const ports = [{ protocol: 'TCP', port: postgresPort }]

const packets = (instance: string, services: readonly string[], reason: string) =>
  inDatabases('networking.k8s.io/v1', 'NetworkPolicy', instance, reason, {
    podSelector: selects(instance),
    policyTypes: ['Ingress', 'Egress'],
    ingress: [
      {
        from: [
          ...services.map((service) => ({
            namespaceSelector: inNamespace(namespaces.services),
            podSelector: selects(service),
          })),
          { podSelector: selects(provisioning) },
        ],
        ports,
      },
    ],
    egress: platform,
  })

const packetsOfProvisioning = (instances: readonly string[]) =>
  inDatabases(
    'networking.k8s.io/v1',
    'NetworkPolicy',
    provisioning,
    'the jobs that make databases and roles reach the instances, and nobody reaches them',
    {
      podSelector: selects(provisioning),
      policyTypes: ['Ingress', 'Egress'],
      egress: [{ to: instances.map((instance) => ({ podSelector: selects(instance) })), ports }, ...platform],
    },
  )

/** Without a selector: for every proxy of the namespace. */
const proxies = (instances: readonly string[]) =>
  inDatabases(
    'networking.istio.io/v1',
    'Sidecar',
    'default',
    'the jobs that make databases and roles reach the instances, and nothing else is reached from here',
    {
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      egress: [
        { hosts: instances.map((instance) => `./${instance}.${namespaces.databases}.svc.cluster.local`) },
      ],
    },
  )

const inDatabases = (
  apiVersion: string,
  kind: string,
  name: string,
  reason: string,
  spec: Record<string, unknown>,
) => resource(apiVersion, kind, name, reason, spec, namespaces.databases)
