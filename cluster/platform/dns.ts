import { addresses, clusterDomain, registry } from '../node/addresses.ts'

const name = 'coredns'
const namespace = 'kube-system'
const labels = { 'k8s-app': 'kube-dns' }

const corefile = `.:53 {
  errors
  health
  ready
  cache 5
  kubernetes ${clusterDomain} in-addr.arpa {
    pods disabled
  }
}
`

const object = (apiVersion: string, kind: string, rest: object, at: string | undefined = namespace) => ({
  apiVersion,
  kind,
  metadata: { name: kind === 'Service' ? 'kube-dns' : name, ...(at ? { namespace: at } : {}), labels },
  ...rest,
})

/** The cluster's name server. It knows the cluster only: nothing here asks the world. */
export const dns = [
  object('v1', 'ServiceAccount', {}),
  object(
    'rbac.authorization.k8s.io/v1',
    'ClusterRole',
    {
      rules: [
        { apiGroups: [''], resources: ['services', 'namespaces'], verbs: ['list', 'watch'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      ],
    },
    '',
  ),
  object(
    'rbac.authorization.k8s.io/v1',
    'ClusterRoleBinding',
    {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
    '',
  ),
  object('v1', 'ConfigMap', { data: { Corefile: corefile } }),
  object('v1', 'Service', {
    spec: {
      clusterIP: addresses.dns,
      selector: labels,
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      ],
    },
  }),
  object('apps/v1', 'Deployment', {
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: name,
          // It answers the others' names and asks nobody itself.
          dnsPolicy: 'Default',
          containers: [
            {
              name,
              image: `${registry.onNode}/platform/coredns:dev`,
              args: ['-conf', '/etc/coredns/Corefile'],
              readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 1 },
              livenessProbe: { httpGet: { path: '/health', port: 8080 } },
              securityContext: {
                readOnlyRootFilesystem: true,
                allowPrivilegeEscalation: false,
                capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
              },
              volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
            },
          ],
          volumes: [{ name: 'config', configMap: { name } }],
        },
      },
    },
  }),
]
