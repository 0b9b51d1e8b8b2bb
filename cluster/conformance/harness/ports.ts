import { namespaces } from '../../../mesh/resource.ts'
import { type KubeObject, list } from './kubernetes.ts'
import { isMade } from './probes.ts'
import { greetingOf, type Knock } from './sockets.ts'

/** A port on which an application of ours listens, at the address of its pod. */
export interface ApplicationPort {
  pod: KubeObject
  /** e.g. http-api */
  name: string
  port: number
  /** Traffic to it does not pass by the proxy: it is for clients without an identity. */
  isPublic: boolean
}

const ours: readonly string[] = Object.values(namespaces)

/** The product's own pods that run. */
export const runningPodsOfOurs = async (): Promise<KubeObject[]> =>
  (await list('pods')).filter(
    (pod) =>
      ours.includes(pod.metadata.namespace) &&
      pod.status.phase === 'Running' &&
      !pod.metadata.deletionTimestamp &&
      !isMade(pod),
  )

/** Every port of every pod that runs in our namespaces, but for those of the proxies. */
export async function applicationPorts(): Promise<ApplicationPort[]> {
  return (await runningPodsOfOurs()).flatMap((pod) => {
    const past = pod.metadata.annotations?.['traffic.sidecar.istio.io/excludeInboundPorts']?.split(',') ?? []
    // The proxy, a native sidecar, is no container of the list.
    return (pod.spec.containers as { ports?: { name: string; containerPort: number }[] }[])
      .flatMap(({ ports = [] }) => ports)
      .map(({ name, containerPort: port }) => ({ pod, name, port, isPublic: past.includes(String(port)) }))
  })
}

export const placeOf = ({ pod, name, port }: ApplicationPort) =>
  `${pod.metadata.namespace}/${pod.metadata.name}:${port} (${name})`

/** The first words to it, at its pod's own address. */
export const knockAt = ({ pod, name, port }: ApplicationPort): Knock => ({
  host: pod.status.podIP,
  port,
  words: greetingOf(name),
})
