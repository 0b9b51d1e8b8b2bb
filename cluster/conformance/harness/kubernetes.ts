import { existsSync } from 'node:fs'
import { forwardPort } from '../../forward.ts'
import { folders } from '../../node/folders.ts'
import { run } from '../../shell.ts'
import { type Get, placesOf, reader } from './api.ts'

/** A Kubernetes object, as far as proofs look at it. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace: string
    uid: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
    deletionTimestamp?: string
  }
  // biome-ignore lint/suspicious/noExplicitAny: any kind of object
  spec: any
  // biome-ignore lint/suspicious/noExplicitAny: any kind of object
  status: any
  /** Of a Secret or a ConfigMap. */
  data?: Record<string, string>
}

/**
 * The cluster under proof: `MESH_CONTEXT` of the usual kubeconfig, else the one of `npm run cluster:up`.
 */
const context = process.env.MESH_CONTEXT
const target = context ? ['--context', context] : ['--kubeconfig', folders().kubeconfig]
if (!context && !existsSync(folders().kubeconfig))
  throw new Error('There is no cluster: npm run cluster:up, or name one of the kubeconfig as MESH_CONTEXT')

const program = context ? 'kubectl' : folders().kubectl

export const kubectl = (args: readonly string[], input?: string) =>
  run(program, [...target, ...args], input === undefined ? {} : { input })

let asking: Promise<{ get: Get; places: Map<string, string> }> | undefined
const ask = () => {
  asking ??= reader(kubectl).then(async (get) => ({ get, places: await placesOf(get) }))
  return asking
}

async function pathOf(kind: string, namespace: string | undefined): Promise<string> {
  const place = (await ask()).places.get(kind)
  if (!place) throw new Error(`The API server knows no ${kind}`)
  return [place, ...(namespace ? ['namespaces', namespace] : []), kind.split('.')[0]].join('/')
}

/** @param kinds in the plural, as in `pods,jobs` */
export async function list(kinds: string, namespace?: string, selector?: string): Promise<KubeObject[]> {
  const { get } = await ask()
  const query = selector ? `?${new URLSearchParams({ labelSelector: selector })}` : ''
  const lists = await Promise.all(
    kinds.split(',').map(async (kind) => JSON.parse(await get((await pathOf(kind, namespace)) + query))),
  )
  // What is listed leaves out what the list says of all.
  return lists.flatMap(({ apiVersion, kind, items }) =>
    items.map((item: object) => ({ apiVersion, kind: kind.replace(/List$/, ''), ...item })),
  )
}

/** @param kind in the plural */
export async function read(kind: string, namespace: string, name: string): Promise<KubeObject> {
  const { get } = await ask()
  return JSON.parse(await get(`${await pathOf(kind, namespace)}/${name}`))
}

/** What a container of a pod has written since an instant. */
export async function logsOf({ name, namespace, container }: PodRef, since: Date): Promise<string> {
  const { get } = await ask()
  const query = new URLSearchParams({ sinceTime: since.toISOString(), ...(container ? { container } : {}) })
  return get(`/api/v1/namespaces/${namespace}/pods/${name}/log?${query}`)
}

export const apply = (...objects: object[]) =>
  kubectl(
    ['apply', '--server-side', '--force-conflicts', '--filename', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
  )

export interface PodRef {
  name: string
  namespace: string
  container?: string
}

/** Runs a program in a pod and answers with what it printed. */
export const exec = ({ name, namespace, container }: PodRef, command: readonly string[], input?: string) =>
  kubectl(
    [
      ...['exec', name, '--namespace', namespace, ...(container ? ['--container', container] : [])],
      ...(input === undefined ? [] : ['--stdin']),
      '--',
      ...command,
    ],
    input,
  )

/** Pods that are ready and not about to end. */
export async function readyPods(namespace: string, selector: string): Promise<KubeObject[]> {
  const pods = await list('pods', namespace, selector)
  return pods.filter(
    ({ metadata, status }) =>
      !metadata.deletionTimestamp &&
      status.conditions?.some(
        (condition: { type: string; status: string }) =>
          condition.type === 'Ready' && condition.status === 'True',
      ),
  )
}

/** A port of a pod on this machine, past its proxy: it ends in the pod's loopback. */
export const forward = ({ name, namespace }: PodRef, port: number) =>
  forwardPort([program, ...target], { namespace, name: `pod/${name}` }, port)
