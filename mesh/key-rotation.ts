import { collector, hostOf as hostOfService } from './egress.ts'
import type { Graph } from './graph.ts'
import { edge } from './graph.ts'
import { inNamespace, platform } from './network.ts'
import { dnsNameOf, namespaces, type Resource, resource, selects, servicePort, tcp } from './resource.ts'

/** Workload, ServiceAccount and CronJob; charts/keys.ts makes them. */
export const keyRotation = 'identity-key-rotation'

/** The edge as it is reached inside the cluster. */
export interface EdgeAddress {
  /** Its Service in the namespace of the edge. */
  service: string
  /** Ports of its pods. */
  ports: readonly number[]
  /** What it is called outside. */
  host: string
  /** Whether it speaks TLS, with the certificate of its host. */
  https: boolean
}

export const hostOf = ({ service }: EdgeAddress) => dnsNameOf(service, namespaces.edge)

/**
 * What the Job that rotates the signing keys reaches: the API server, where the keys stand, and all who check tokens,
 * to prove that they take the next key. No AuthorizationPolicy names it, so it may use no operation of anybody.
 */
export function keyRotationPolicies(graph: Graph, address: EdgeAddress): Resource[] {
  return [sidecar(graph, address), ...packets(graph, address), ...wayToEdge(address)]
}

const reason = 'identity-key-rotation proves that everybody who checks tokens takes the next signing key'

const sidecar = (graph: Graph, address: EdgeAddress) =>
  resource(
    'networking.istio.io/v1',
    'Sidecar',
    keyRotation,
    `${reason}, and changes keys in the API server`,
    {
      workloadSelector: { labels: selects(keyRotation).matchLabels },
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      egress: [
        {
          hosts: [
            ...graph.services.map(({ name }) => hostOfService({ name, namespace: namespaces.services })),
            hostOfService({ name: 'kubernetes', namespace: 'default' }),
            `${namespaces.edge}/${hostOf(address)}`,
            hostOfService(collector),
          ].sort(),
        },
      ],
    },
  )

function packets(graph: Graph, { ports }: EdgeAddress): Resource[] {
  const services = {
    matchExpressions: [
      {
        key: 'app.kubernetes.io/part-of',
        operator: 'In',
        values: graph.services.map(({ name }) => name).sort(),
      },
    ],
  }
  return [
    resource('networking.k8s.io/v1', 'NetworkPolicy', keyRotation, reason, {
      podSelector: selects(keyRotation),
      policyTypes: ['Ingress', 'Egress'],
      egress: [
        // The API server has no pod that a selector could name, and no address that is the same everywhere.
        { ports: tcp(443, 6443) },
        { to: [{ podSelector: services }], ports: tcp(servicePort) },
        {
          to: [{ namespaceSelector: inNamespace(namespaces.edge), podSelector: selects(edge) }],
          ports: tcp(...ports),
        },
        ...platform,
      ],
    }),
    resource('networking.k8s.io/v1', 'NetworkPolicy', `${keyRotation}-probes`, reason, {
      podSelector: services,
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ podSelector: selects(keyRotation) }], ports: tcp(servicePort) }],
    }),
  ]
}

/**
 * Clients come to the edge past its sidecar, and so does this one: without mutual TLS, by the name that the edge has
 * outside. Of TLS the proxy sees nothing; there the client itself says that name.
 */
function wayToEdge(address: EdgeAddress): Resource[] {
  const host = hostOf(address)
  const only = { exportTo: [namespaces.services] }
  return [
    resource(
      'networking.istio.io/v1',
      'DestinationRule',
      keyRotation,
      reason,
      { host, ...only, trafficPolicy: { tls: { mode: 'DISABLE' } } },
      namespaces.edge,
    ),
    ...(address.https
      ? []
      : [
          resource(
            'networking.istio.io/v1',
            'VirtualService',
            keyRotation,
            reason,
            {
              hosts: [host],
              ...only,
              http: [
                {
                  name: 'probes',
                  rewrite: { authority: address.host },
                  route: [{ destination: { host } }],
                  timeout: '5000ms',
                  retries: { attempts: 0 },
                },
              ],
            },
            namespaces.edge,
          ),
        ]),
  ]
}
