import { restrictedContainer, restrictedPod } from '../../../cdk8s/constructs/restricted.ts'
import { imageOf } from '../../../cdk8s/environments.ts'
import { namespaces } from '../../../mesh/resource.ts'
import { services } from '../../../services/index.ts'
import { environment } from './edge.ts'
import type { Identity } from './identities.ts'
import { apply, type KubeObject, kubectl, type PodRef } from './kubernetes.ts'

/** A namespace that is none of ours: no sidecars unless asked for, no policy, no Pod Security. */
export const elsewhere = 'staffmesh-conformance'

const partOf = 'app.kubernetes.io/part-of'
const ours = { [partOf]: 'conformance' }
/** What all objects of the proofs carry, whatever else they pretend to be. */
export const made = { 'staffmesh.dev/made-by': 'conformance' }
export const isMade = ({ metadata }: KubeObject) => metadata.labels?.['staffmesh.dev/made-by'] !== undefined

export interface Probe {
  name: string
  namespace: string
  account?: string
  labels?: Record<string, string>
  /** The user that its process is. */
  user?: number
  /** In the network of the node. */
  onNode?: boolean
}

/** A pod that has Node and waits to be asked for something (askFrom, knockFrom). */
const podFor = ({ name, namespace, account, labels, user, onNode }: Probe) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels: { ...ours, ...labels, ...made } },
  spec: {
    ...restrictedPod,
    securityContext: { ...restrictedPod.securityContext, ...(user ? { runAsUser: user } : {}) },
    ...(account ? { serviceAccountName: account } : {}),
    ...(onNode ? { hostNetwork: true } : {}),
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        ...restrictedContainer,
        name: 'probe',
        image: imageOf(environment, services[0].name),
        command: ['node', '--eval', 'setInterval(() => {}, 2 ** 30)'],
      },
    ],
  },
})

/** Those that another proof has started already are shared; they go after the last (probes.setup.ts). */
export async function startProbes(probes: readonly Probe[]): Promise<PodRef[]> {
  await apply(...probes.map(podFor))
  const named = Map.groupBy(probes, ({ namespace }) => namespace)
  await Promise.all(
    [...named].map(([namespace, all]) =>
      kubectl([
        ...['wait', '--for=condition=Ready', '--timeout=110s', '--namespace', namespace],
        ...all.map(({ name }) => `pod/${name}`),
      ]),
    ),
  )
  return probes.map(({ name, namespace }) => ({ name, namespace, container: 'probe' }))
}

/**
 * A pod for each identity whose own proxy lets everything out, so that what is refused the callee's proxy has refused.
 * Where packets are held to NetworkPolicies these let them pass: they are another wall, and not the one under proof.
 */
export async function startIdentities<T extends Identity>(all: readonly T[]): Promise<Map<T, PodRef>> {
  await apply(
    ...Object.values(namespaces).flatMap((namespace) => [
      open(namespace),
      letIn(namespace),
      letOut(namespace),
    ]),
  )
  const pods = await startProbes(
    all.map(({ namespace, account }) => ({ name: `conformance-${account}`, namespace, account })),
  )
  return new Map(all.map((identity, index) => [identity, pods[index]!]))
}

const object = (apiVersion: string, kind: string, name: string, namespace: string, spec: object) => ({
  apiVersion,
  kind,
  metadata: { name: `conformance-${name}`, namespace, labels: made },
  spec,
})

const open = (namespace: string) =>
  object('networking.istio.io/v1', 'Sidecar', 'open', namespace, {
    workloadSelector: { labels: ours },
    outboundTrafficPolicy: { mode: 'ALLOW_ANY' },
    egress: [{ hosts: ['*/*'] }],
  })

/** Strangers of other namespaces are not meant. */
const amongOurs = {
  key: 'kubernetes.io/metadata.name',
  operator: 'In',
  values: Object.values(namespaces),
}

const letIn = (namespace: string) =>
  object('networking.k8s.io/v1', 'NetworkPolicy', 'in', namespace, {
    podSelector: {},
    policyTypes: ['Ingress'],
    ingress: [
      {
        from: [{ namespaceSelector: { matchExpressions: [amongOurs] }, podSelector: { matchLabels: ours } }],
      },
    ],
  })

const letOut = (namespace: string) =>
  object('networking.k8s.io/v1', 'NetworkPolicy', 'out', namespace, {
    podSelector: { matchLabels: ours },
    policyTypes: ['Egress'],
    egress: [{}],
  })

const strangers = {
  /** In the network of the node. */
  node: { onNode: true },
  /** A pod without a sidecar. */
  outsider: {},
  /** With a sidecar, and an identity of its own. */
  neighbour: { account: 'neighbour', labels: { 'sidecar.istio.io/inject': 'true' } },
  /** The same, but what it sends goes past its sidecar: it is the sidecar's user. */
  sneak: { account: 'neighbour', labels: { 'sidecar.istio.io/inject': 'true' }, user: 1337 },
} satisfies Record<string, Partial<Probe>>
export type Stranger = keyof typeof strangers

/** Those who are not of our namespaces. */
export async function startStrangers<S extends Stranger>(...names: S[]): Promise<Record<S, PodRef>> {
  await apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: elsewhere, labels: made } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'neighbour', namespace: elsewhere } },
  )
  const pods = await startProbes(names.map((name) => ({ name, namespace: elsewhere, ...strangers[name] })))
  return Object.fromEntries(names.map((name, index) => [name, pods[index]!])) as Record<S, PodRef>
}

/**
 * Ends pods that no other proof asks from. Each proxy takes three of the 128 instances of inotify that a user has unless the
 * machine's owner gives more (https://kind.sigs.k8s.io/docs/user/known-issues/#pod-errors-due-to-too-many-open-files), and
 * one that gets none ends.
 */
export const endPods = (pods: readonly PodRef[]) =>
  Promise.all(
    [...Map.groupBy(pods, ({ namespace }) => namespace)].map(([namespace, all]) =>
      kubectl(['delete', 'pod', '--namespace', namespace, '--wait=false', ...all.map(({ name }) => name)]),
    ),
  )

/** Takes away all that the functions above have made; whether it is gone when this is answered, is for the caller to say. */
export async function endProbes({ wait }: { wait: boolean }): Promise<void> {
  const selector = Object.entries(made).map((pair) => pair.join('='))
  await Promise.all(
    [['pods,networkpolicies,sidecars.networking.istio.io', '--all-namespaces'], ['namespaces']].map((what) =>
      kubectl(['delete', ...what, '--selector', selector.join(), `--wait=${wait}`]),
    ),
  )
}
