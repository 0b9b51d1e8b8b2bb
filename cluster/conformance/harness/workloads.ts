import { randomUUID } from 'node:crypto'
import { edge } from '../../../mesh/graph.ts'
import { dnsNameOf, namespaces } from '../../../mesh/resource.ts'
import { logsOf, type PodRef, readyPods } from './kubernetes.ts'

/** What of a workload answers or calls: the edge, or the server of a service. */
const selector = (workload: string) =>
  `app.kubernetes.io/part-of=${workload},app.kubernetes.io/component=server`

const namespaceOf = (workload: string) => (workload === edge ? namespaces.edge : namespaces.services)

/** Its ready pods, with the container that has Node. */
export async function podsOf(workload: string): Promise<PodRef[]> {
  const namespace = namespaceOf(workload)
  const pods = await readyPods(namespace, selector(workload))
  if (pods.length === 0) throw new Error(`No pod of ${workload} is ready`)
  const container = workload === edge ? edge : 'service'
  return pods.map(({ metadata: { name } }) => ({ name, namespace, container }))
}

export const podOf = async (workload: string): Promise<PodRef> => (await podsOf(workload))[0]!

/** Where callers in the mesh find a service. */
export const addressOf = (service: string) => `http://${dnsNameOf(service, namespaces.services)}`

/** For `x-request-id`; tells requests of the proofs from others. */
export const newRequestId = () => `conformance-${randomUUID().slice(0, 13)}`

/** What a service wrote of a request. */
export interface LogLine {
  request_id: string
  operation: string
  status: number
  tenant?: string
}

/** What the application of a pod, not its proxy, has heard since an instant, by `x-request-id`. */
export async function heardIn(pod: PodRef, since: Date): Promise<Map<string, LogLine>> {
  const text = await logsOf(pod, since)
  return new Map(
    text
      .split('\n')
      .filter((line) => line.includes('"request_id"'))
      .map((line) => JSON.parse(line) as LogLine)
      .map((line) => [line.request_id, line]),
  )
}

/** What any of its pods has heard. */
export async function heardBy(service: string, since: Date): Promise<Map<string, LogLine>> {
  const all = await Promise.all((await podsOf(service)).map((pod) => heardIn(pod, since)))
  return new Map(all.flatMap((each) => [...each]))
}
