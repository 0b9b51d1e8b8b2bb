import type { KubeObject } from './kubernetes.ts'

interface Selector {
  matchLabels?: Record<string, string>
  matchExpressions?: { key: string; operator: 'In'; values: string[] }[]
}

interface Rule {
  ports?: { port: number }[]
  from?: Peer[]
  to?: Peer[]
}

interface Peer {
  namespaceSelector?: Selector
  podSelector?: Selector
}

const selects = (
  { matchLabels = {}, matchExpressions = [] }: Selector,
  labels: Record<string, string> = {},
) =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
  matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ''))

/**
 * Whether the NetworkPolicies of a cluster let packets pass from a pod to a port of another, as an enforcer would read
 * them: where one selects a pod, only what some policy lists passes.
 * https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
export const packetsPass = (
  policies: readonly KubeObject[],
  from: KubeObject,
  to: KubeObject,
  port: number,
) => isLet(policies, 'Egress', from, to, port) && isLet(policies, 'Ingress', to, from, port)

function isLet(
  policies: readonly KubeObject[],
  direction: 'Ingress' | 'Egress',
  pod: KubeObject,
  peer: KubeObject,
  port: number,
): boolean {
  const binding = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === pod.metadata.namespace &&
      spec.policyTypes.includes(direction) &&
      selects(spec.podSelector, pod.metadata.labels),
  )
  if (binding.length === 0) return true
  const rules = binding.flatMap(({ spec }) => (spec[direction.toLowerCase()] ?? []) as Rule[])
  return rules.some(({ ports, from, to }) => {
    const peers = from ?? to
    return (
      (!ports || ports.some((each) => each.port === port)) &&
      (!peers || peers.some((each) => isPeer(each, pod.metadata.namespace, peer)))
    )
  })
}

/** Without a selector of namespaces a peer is of the policy's own. */
const isPeer = ({ namespaceSelector, podSelector = {} }: Peer, own: string, { metadata }: KubeObject) =>
  (namespaceSelector
    ? selects(namespaceSelector, { 'kubernetes.io/metadata.name': metadata.namespace })
    : metadata.namespace === own) && selects(podSelector, metadata.labels)
