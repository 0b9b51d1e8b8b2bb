/** A Kubernetes object as the policies render it. */
export interface Resource {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace: string
    labels?: Record<string, string>
    annotations: Record<string, string>
  }
  spec: Record<string, unknown>
}

/** Why a policy stands in the cluster, for the SRE who finds it there. */
export const because = 'staffmesh.dev/because'

/** Its name, in telemetry and in front of our namespaces. */
export const product = 'staffmesh'

export const namespaces = {
  /** Services, workers, migrations. */
  services: product,
  databases: `${product}-data`,
  edge: `${product}-edge`,
  /** Rate limit service and its store. */
  limits: `${product}-limits`,
  /** The collector. */
  observability: 'observability',
} as const

export const trustDomain = 'cluster.local'

/** The identity of a workload in an authorization policy (SPIFFE id without its scheme). */
export const principal = (namespace: string, serviceAccount: string) =>
  `${trustDomain}/ns/${namespace}/sa/${serviceAccount}`

/** Who calls: the edge stands in its own namespace, services in theirs. */
export const principalOf = (caller: string) =>
  principal(caller === 'edge' ? namespaces.edge : namespaces.services, caller)

/** The DNS name of a Service in the cluster. */
export const dnsNameOf = (name: string, namespace: string) => `${name}.${namespace}.svc.cluster.local`

/** The port that every service listens on; see services/kit/config.ts. */
export const servicePort = 8080

export function resource(
  apiVersion: string,
  kind: string,
  name: string,
  reason: string,
  spec: Record<string, unknown>,
  namespace: string = namespaces.services,
): Resource {
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, annotations: { [because]: reason } },
    spec,
  }
}

/** Ports of a NetworkPolicy. */
export const tcp = (...ports: number[]) => ports.map((port) => ({ protocol: 'TCP', port }))

/** Selects the pods of a workload, its worker and its migration too. */
export const selects = (service: string) => ({ matchLabels: { 'app.kubernetes.io/part-of': service } })

/** Labels of the pods that answer for a service, whichever version they run. */
export const serversOf = (service: string) => ({
  'app.kubernetes.io/part-of': service,
  'app.kubernetes.io/component': 'server',
})
