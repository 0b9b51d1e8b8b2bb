import { collector, hostOf as hostOfService } from './egress.ts'
import type { Graph } from './graph.ts'
import { type DatabaseOptions, hostOf } from './instances.ts'
import { inNamespace, platform, postgresPort } from './network.ts'
import { namespaces, principal, type Resource, resource, selects, tcp } from './resource.ts'

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
 * An instance outside the cluster becomes a host that proxies know. CloudNativePG's pods have no sidecar: its operator
 * and its replication, which are no part of the mesh, have TLS of their own, and so has who connects (verify-full). Who
 * may is the matter of packets and passwords there.
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
        : options.clusters?.[instance]
          ? [packets(instance, services, because), packetsOfCluster(instance, options.clusters[instance])]
          : [authorization(instance, services, because), packets(instance, services, because)]
    }),
    ...(inside.length === 0
      ? []
      : [
          proxies(inside.map(([instance]) => `./${hostOf(instance, options)}`)),
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

const ports = tcp(postgresPort)

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

/** Ports of an instance's manager and of its metrics. */
const cloudNativePg = { status: 8000, metrics: 9187 }

/** https://cloudnative-pg.io/documentation/current/networking/ */
const packetsOfCluster = (instance: string, { backupPort }: { backupPort: number }) => {
  const peers = { to: [{ podSelector: selects(instance) }], ports: tcp(postgresPort, cloudNativePg.status) }
  return inDatabases(
    'networking.k8s.io/v1',
    'NetworkPolicy',
    `${instance}-cluster`,
    'the servers replicate, the operator leads them, backups go to the object store',
    {
      podSelector: selects(instance),
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          from: [
            { podSelector: selects(instance) },
            {
              namespaceSelector: inNamespace('cnpg-system'),
              podSelector: { matchLabels: { 'app.kubernetes.io/name': 'cloudnative-pg' } },
            },
          ],
          ports: peers.ports,
        },
        {
          from: [{ namespaceSelector: inNamespace(collector.namespace) }],
          ports: tcp(cloudNativePg.metrics),
        },
      ],
      egress: [
        peers,
        // The API server, which each server asks for its part, and the object store have no pods of ours.
        { ports: tcp(...new Set([443, 6443, backupPort])) },
      ],
    },
  )
}

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
const proxies = (hosts: readonly string[]) =>
  inDatabases(
    'networking.istio.io/v1',
    'Sidecar',
    'default',
    'the jobs that make databases and roles reach the instances, and but for telemetry nothing else is reached',
    {
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      egress: [{ hosts: [...hosts, hostOfService(collector)] }],
    },
  )

const inDatabases = (
  apiVersion: string,
  kind: string,
  name: string,
  reason: string,
  spec: Record<string, unknown>,
) => resource(apiVersion, kind, name, reason, spec, namespaces.databases)
