import { inNamespace, platform } from '../network.ts'
import { namespaces, type Resource, resource, tcp } from '../resource.ts'

/** Ports of Kong's own containers, as its Helm chart has them. */
export const kongPorts = { http: 8000, https: 8443, admin: 8444, webhook: 8080 }

/** The label by which policies know the controller; Kong itself is part of `edge`. */
export const controller = 'kong-controller'

const partOf = (name: string) => ({ matchLabels: { 'app.kubernetes.io/part-of': name } })

/** Packets that Kong and its controller need besides those of every edge. */
export const kongNetworkPolicies = (): Resource[] => [
  policy('kong', 'clients come in here, the controller brings the configuration', {
    podSelector: partOf('edge'),
    policyTypes: ['Ingress'],
    ingress: [
      { ports: tcp(kongPorts.http, kongPorts.https) },
      { from: [{ podSelector: partOf(controller) }], ports: tcp(kongPorts.admin) },
    ],
  }),
  policy(
    'kong-controller',
    'the controller reads the API server, which asks it to validate, and configures Kong',
    {
      podSelector: partOf(controller),
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: tcp(kongPorts.webhook) }],
      egress: [
        // The API server has no pod that a selector could name.
        { ports: tcp(443, 6443) },
        {
          to: [{ namespaceSelector: inNamespace(namespaces.edge), podSelector: partOf('edge') }],
          ports: tcp(kongPorts.admin),
        },
        ...platform,
      ],
    },
  ),
]

const policy = (name: string, reason: string, spec: Record<string, unknown>) =>
  resource('networking.k8s.io/v1', 'NetworkPolicy', name, reason, spec, namespaces.edge)
