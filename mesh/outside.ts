import type { OutsideHost } from '#kit/service.ts'
import type { Graph } from './graph.ts'
import { type Resource, resource, selects, tcp } from './resource.ts'

/** Where the declared outside hosts are, by service and by their name in its declaration. */
export type OutsideAddresses = Readonly<
  Record<string, Readonly<Record<string, { host: string; port: number }>>>
>

/** A declared host with its address. */
interface Destination {
  service: string
  name: string
  declared: OutsideHost
  host: string
  port: number
}

/** What an application asks for to reach it: its proxy turns plain HTTP into TLS. */
const portOf = ({ declared, port }: Destination) => (declared.protocol === 'https' ? 80 : port)

/** What a process is told of where the hosts are: the URL of an https one, `host:port` of others. */
export function outsideVariables(
  service: { name: string; outside: Readonly<Record<string, OutsideHost>> },
  addresses: OutsideAddresses,
): { name: string; value: string }[] {
  return destinationsOf([service], addresses).map(({ declared, host, port }) => ({
    name: declared.address,
    value: declared.protocol === 'https' ? `http://${host}` : `${host}:${port}`,
  }))
}

/** As the Sidecar of a service names them. */
export const outsideHostsOf = (graph: Graph, service: string, addresses: OutsideAddresses) => [
  ...new Set(
    destinationsOf(graph.services, addresses)
      .filter((each) => each.service === service)
      .map(({ host }) => `./${host}`),
  ),
]

/**
 * Hosts outside the cluster that services declare: each an entry in the registry of their namespace, which their
 * proxies alone know (egress.ts), and a hole in the wall for packets, which know no names, by port. To an https host the
 * proxy speaks TLS, and gives up at the declared deadline; what was sent is not sent again, since nobody vouches that
 * this does no harm. With others the application speaks end to end.
 * https://istio.io/latest/docs/tasks/traffic-management/egress/egress-tls-origination/
 */
export function outside(graph: Graph, addresses: OutsideAddresses = {}): Resource[] {
  const all = destinationsOf(graph.services, addresses)
  refuseClashes(all)
  const hosts = Map.groupBy(all, ({ host }) => host)
  const services = Map.groupBy(all, ({ service }) => service)
  return [
    ...[...hosts].flatMap(([host, destinations]) => policiesOf(host, destinations)),
    ...[...services].map(([service, destinations]) => packets(service, destinations)),
  ]
}

function destinationsOf(
  services: readonly { name: string; outside: Readonly<Record<string, OutsideHost>> }[],
  addresses: OutsideAddresses,
): Destination[] {
  return services.flatMap(({ name: service, outside: declared }) => {
    for (const name of Object.keys(addresses[service] ?? {}))
      if (!(name in declared))
        throw new Error(`${service} declares no outside host ${name}: leave its address out of the values`)
    return Object.entries(declared).map(([name, each]) => {
      const address = addresses[service]?.[name]
      if (!address || !/^[a-z0-9-]+([.][a-z0-9-]+)*[.][a-z][a-z0-9-]*$/.test(address.host))
        throw new Error(
          `${service} calls the outside host ${name}: say where it is, outside: { ${service}: { ${name}: { host: '<DNS name>', port } } }`,
        )
      return { service, name, declared: each, ...address }
    })
  })
}

const because = (destinations: readonly Destination[]) =>
  destinations
    .map(
      ({ service, name, declared }) =>
        `outside.${name} of services/${service}/service.ts: ${declared.because}`,
    )
    .join('; ')

const protocols = { https: 'HTTP', tls: 'TLS', tcp: 'TCP' } as const

function policiesOf(host: string, destinations: readonly Destination[]): Resource[] {
  const istio = (kind: string, spec: Record<string, unknown>) =>
    resource('networking.istio.io/v1', kind, host, because(destinations), { ...spec, exportTo: ['.'] })
  const https = destinations.filter(({ declared }) => declared.protocol === 'https')
  const deadline = Math.max(...https.map(({ declared }) => ('deadline' in declared ? declared.deadline : 0)))
  const ports = [...new Map(destinations.map((each) => [portOf(each), each])).values()]
  return [
    istio('ServiceEntry', {
      hosts: [host],
      location: 'MESH_EXTERNAL',
      resolution: 'DNS',
      ports: ports.map((each) => ({
        number: portOf(each),
        name: `${protocols[each.declared.protocol].toLowerCase()}-${portOf(each)}`,
        protocol: protocols[each.declared.protocol],
        ...(portOf(each) === each.port ? {} : { targetPort: each.port }),
      })),
    }),
    istio('DestinationRule', {
      host,
      trafficPolicy: {
        connectionPool: { tcp: { connectTimeout: '5s' } },
        ...(https.length > 0
          ? {
              portLevelSettings: [
                { port: { number: 80 }, tls: { mode: 'SIMPLE', sni: host, subjectAltNames: [host] } },
              ],
            }
          : {}),
      },
    }),
    ...(https.length > 0
      ? [
          istio('VirtualService', {
            hosts: [host],
            http: [
              {
                name: 'outside',
                route: [{ destination: { host, port: { number: 80 } } }],
                timeout: `${deadline}ms`,
                retries: { attempts: 0 },
              },
            ],
          }),
        ]
      : []),
  ]
}

const packets = (service: string, destinations: readonly Destination[]) =>
  resource('networking.k8s.io/v1', 'NetworkPolicy', `${service}-outside`, because(destinations), {
    podSelector: selects(service),
    policyTypes: ['Egress'],
    egress: [
      {
        ports: tcp(...new Set(destinations.map(({ port }) => port))),
      },
    ],
  })

/** Proxies tell hosts apart by name where there is one to be read, and by port where there is none. */
function refuseClashes(all: readonly Destination[]): void {
  for (const one of all)
    for (const other of all) {
      const [own, others] = [one, other].map(
        (each) => `${each.declared.protocol} ${each.host}:${each.port} at ${portOf(each)}`,
      )
      const clash =
        own !== others &&
        portOf(one) === portOf(other) &&
        (one.host === other.host ||
          (one.service === other.service &&
            one.declared.protocol === 'tcp' &&
            other.declared.protocol === 'tcp'))
      if (clash)
        throw new Error(
          `${one.service} (${one.name}) and ${other.service} (${other.name}) call outside hosts that proxies cannot tell apart: ${own}, ${others}. Use another port, or tls`,
        )
    }
}
