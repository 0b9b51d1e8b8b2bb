import type { Service } from '#kit/service.ts'
import type { Environment } from '../../cdk8s/environments.ts'
import { edge } from '../../mesh/graph.ts'
import { namespaces } from '../../mesh/resource.ts'
import type { Binaries } from '../binaries/build.ts'
import { addresses } from '../node/addresses.ts'
import { folders } from '../node/folders.ts'
import { kubectl } from '../node/start.ts'
import { Refusal, step, until } from '../shell.ts'
import { dns } from './dns.ts'
import { istioManifests } from './istio.ts'
import { renderProduct } from './product.ts'
import { volumes } from './volumes.ts'

const list = (items: readonly object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })

/** What a cluster brings along elsewhere: names, the mesh, volumes. */
export async function installPlatform(binaries: Binaries, environment: Environment): Promise<void> {
  const apply = (input: string) =>
    kubectl(['apply', '--server-side', '--force-conflicts', '--filename', '-'], input)
  await step('Apply DNS, Istio and volumes', async () => {
    await apply(list([namespace('istio-system'), ...dns, ...(await volumes(environment))]))
    const istio = await istioManifests(binaries)
    // Its own resources need the definitions that come with them.
    await until('Istio is applied', () => apply(istio), { seconds: 30, pause: 1000 })
  })
  await step('Wait for DNS and Istio', () => ready(['kube-system', 'istio-system']))
}

/** The product, as `npm run synth -- --env bare` writes it. */
export async function installProduct(services: readonly Service[], environment: Environment): Promise<void> {
  const { manifests } = folders()
  await step('Make namespaces and Secrets, and render the manifests', () =>
    renderProduct(kubectl, services, environment, { folder: manifests, by: 'cluster:up' }),
  )
  await step('Apply the manifests', async () => {
    await kubectl(['apply', '--server-side', '--force-conflicts', '--filename', manifests])
    await giveAddress()
  })
  await step('Wait for the services', () => ready(Object.values(namespaces)))
}

/** As a load balancer's controller would: the edge answers at the node's address. */
export async function giveAddress(): Promise<void> {
  const status = { status: { loadBalancer: { ingress: [{ ip: addresses.node }] } } }
  await kubectl([
    ...['patch', 'service', edge, '--namespace', namespaces.edge, '--subresource', 'status'],
    ...['--type', 'merge', '--patch', JSON.stringify(status)],
  ])
}

interface Workload {
  kind: string
  metadata: { name: string; namespace: string; generation: number }
  spec: { replicas?: number }
  status: {
    observedGeneration?: number
    readyReplicas?: number
    updatedReplicas?: number
    replicas?: number
    numberReady?: number
    desiredNumberScheduled?: number
  }
}

/** Replaces the pods of the product that run something else than these images now. */
export async function restart(images: readonly string[]): Promise<void> {
  const { items } = JSON.parse(
    await kubectl(['get', 'deployments', '--all-namespaces', '--output', 'json']),
  ) as {
    items: (Workload & { spec: { template: { spec: { containers: { image: string }[] } } } })[]
  }
  const stale = items.filter(({ spec }) =>
    spec.template.spec.containers.some(({ image }) => images.includes(image)),
  )
  await Promise.all(
    stale.map(({ metadata: { name, namespace } }) =>
      kubectl(['rollout', 'restart', 'deployment', name, '--namespace', namespace]),
    ),
  )
  if (stale.length > 0) await step('Wait for the services', () => ready(Object.values(namespaces)))
}

/** Waits until every workload of some namespaces is what it should be; what cannot start is named with its reason. */
async function ready(among: readonly string[]): Promise<void> {
  await until(
    'Every workload is ready',
    async () => {
      const { items } = JSON.parse(
        await kubectl(['get', 'deployments,statefulsets,daemonsets', '--all-namespaces', '--output', 'json']),
      ) as { items: Workload[] }
      const waiting = items.filter((each) => among.includes(each.metadata.namespace) && !isReady(each))
      if (waiting.length === 0) return
      await refuseBroken(among)
      throw new Error(
        `These are not: ${waiting.map(({ metadata }) => metadata.name).join(', ')}\n${await warnings(among)}`,
      )
    },
    { seconds: 300, pause: 1000 },
  )
}

function isReady({ kind, metadata, spec, status }: Workload): boolean {
  if (status.observedGeneration !== metadata.generation) return false
  if (kind === 'DaemonSet') return status.numberReady === status.desiredNumberScheduled
  const wanted = spec.replicas ?? 1
  const all = [status.readyReplicas, status.updatedReplicas ?? wanted, status.replicas]
  return all.every((count) => (count ?? 0) === wanted)
}

interface Pod {
  metadata: { name: string; namespace: string }
  status: {
    containerStatuses?: ContainerStatus[]
    initContainerStatuses?: ContainerStatus[]
  }
}
interface ContainerStatus {
  name: string
  restartCount: number
  state: { waiting?: { reason: string; message?: string } }
  lastState: { terminated?: { exitCode: number; message?: string } }
}

/** Reasons for which waiting does not help. */
const hopeless = ['ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName', 'CreateContainerError']

async function refuseBroken(among: readonly string[]): Promise<void> {
  const { items } = JSON.parse(await kubectl(['get', 'pods', '--all-namespaces', '--output', 'json'])) as {
    items: Pod[]
  }
  for (const { metadata, status } of items) {
    if (!among.includes(metadata.namespace)) continue
    for (const container of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) {
      const { waiting } = container.state
      const crashing = waiting?.reason === 'CrashLoopBackOff' && container.restartCount >= 3
      if (!waiting || !(hopeless.includes(waiting.reason) || crashing)) continue
      const pod = [metadata.name, '--namespace', metadata.namespace]
      const log = await kubectl([
        'logs',
        ...pod,
        '--container',
        container.name,
        '--tail',
        '12',
        '--previous',
      ]).catch(() => '')
      throw new Refusal(
        `${metadata.namespace}/${metadata.name} does not start: container ${container.name}, ${waiting.reason}. ${container.lastState.terminated?.message ?? waiting.message ?? ''}\n${log}`,
      )
    }
  }
}

/** What the cluster itself says of it, the latest last. */
async function warnings(among: readonly string[]): Promise<string> {
  const { items } = JSON.parse(
    await kubectl([
      'get',
      'events',
      '--all-namespaces',
      '--field-selector',
      'type=Warning',
      '--output',
      'json',
    ]),
  ) as { items: { involvedObject: { namespace?: string; name: string }; message: string }[] }
  return items
    .filter(({ involvedObject }) => among.includes(involvedObject.namespace ?? ''))
    .slice(-5)
    .map(({ involvedObject, message }) => `  ${involvedObject.name}: ${message.slice(0, 400)}`)
    .join('\n')
}
