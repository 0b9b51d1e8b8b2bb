import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { namespaces, servicePort } from '../../../mesh/resource.ts'
import { versionLabel } from '../../../mesh/versions.ts'
import { eventually } from './eventually.ts'
import { type Arrival, control, type Fault, type Notes } from './fault-hook.ts'
import { apply, forward, kubectl, list, readyPods } from './kubernetes.ts'

export type { Arrival, Fault }

/** A replica of a service that does as it is told. */
export interface Replica {
  name: string
  address: string
  /** From now on; what has arrived is forgotten. No faults make it good again. */
  fail(...faults: Fault[]): Promise<void>
  /** Since the last `fail`; when the service has seen all that were to wait. */
  arrivals(): Promise<Arrival[]>
}

const namespace = namespaces.services
const hook = new URL('fault-hook.ts', import.meta.url)
const folder = '/faults'
/** Of which service they are replicas. */
const mark = 'staffmesh.dev/faulty-replicas-of'

/** Open ports of the replicas of a service. */
const tunnels = new Map<string, { close(): void }[]>()

/**
 * Replicas beside a service's own, the same in all but a hook that can harm requests: traffic reaches them as any.
 * `removeReplicas` must follow, also where this fails.
 */
export async function addReplicas(service: string, count: number): Promise<Replica[]> {
  await removeReplicas(service)
  // Those that were removed may still be on their way out.
  const name = `${service}-faulty-${randomUUID().slice(0, 8)}`
  const labels = { [mark]: service }
  const [own] = await list('deployments', namespace, `app.kubernetes.io/name=${service}`)
  if (!own) throw new Error(`There is no Deployment of ${service} to make replicas of`)
  await apply(
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace, labels },
      data: { 'hook.ts': await readFile(hook, 'utf8') },
    },
    deployment({ name, namespace, labels }, count, own.spec.template),
  )
  const pods = await eventually(`${count} replicas of ${name} are ready`, async () => {
    const ready = await readyPods(namespace, `app.kubernetes.io/name=${name}`)
    if (ready.length < count) throw new Error(`${ready.length} are`)
    return ready
  })
  const opened = await Promise.all(pods.map(({ metadata }) => forward(metadata, servicePort)))
  tunnels.set(service, opened)
  return pods.map(({ metadata, status }, index) =>
    replica(metadata.name, status.podIP, `http://127.0.0.1:${opened[index]!.port}${control}`),
  )
}

/** Takes the service's own replicas out of its traffic, so that the added ones get all of it. */
export const setOwnAside = (service: string) => label(service, 'aside')

/** Puts the service's own replicas back and takes the added ones away. */
export async function removeReplicas(service: string): Promise<void> {
  for (const tunnel of tunnels.get(service) ?? []) tunnel.close()
  await label(service, 'stable')
  await kubectl([
    ...['delete', 'deployment,configmap', '--selector', `${mark}=${service}`, '--namespace', namespace],
    '--wait=false',
  ])
}

const replica = (name: string, address: string, url: string): Replica => ({
  name,
  address,
  async fail(...faults) {
    await fetch(url, { method: 'PUT', body: JSON.stringify(faults) })
  },
  arrivals: () =>
    eventually(`The service in ${name} has seen everything`, async () => {
      const { arrivals, waiting } = (await (await fetch(url)).json()) as Notes
      if (waiting > 0) throw new Error(`${waiting} wait`)
      return arrivals
    }),
})

// biome-ignore lint/suspicious/noExplicitAny: a pod template, of which little is looked at
type Template = any

/** A pod template under another name; the labels that Services and policies select by stay. */
function deployment(
  own: { name: string; namespace: string; labels: object },
  replicas: number,
  { metadata, spec }: Template,
): object {
  const { name } = own
  const [container] = spec.containers
  const labels = { 'app.kubernetes.io/name': name }
  const options = [{ name: 'NODE_OPTIONS', value: `--enable-source-maps --import ${folder}/hook.ts` }]
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: own,
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { ...metadata, labels: { ...metadata.labels, ...labels } },
        spec: {
          ...spec,
          containers: [
            {
              ...container,
              env: [...container.env, ...options],
              volumeMounts: [...container.volumeMounts, { name: 'faults', mountPath: folder }],
            },
          ],
          volumes: [...spec.volumes, { name: 'faults', configMap: { name } }],
        },
      },
    },
  }
}

/**
 * Routes lead to versions; pods of another one get nothing, and nothing else about them changes.
 *
 * @param name of a Deployment
 */
export const label = (name: string, version: string) =>
  kubectl([
    'label',
    'pods',
    '--overwrite',
    '--namespace',
    namespace,
    '--selector',
    `app.kubernetes.io/name=${name}`,
    `${versionLabel}=${version}`,
  ]).then(() => {})
