import { manifestsOf } from '../../../cdk8s/app.ts'
import { imageOf } from '../../../cdk8s/environments.ts'
import { podsIn } from '../../../cdk8s/pods.ts'
import { edge } from '../../../mesh/graph.ts'
import { principal } from '../../../mesh/resource.ts'
import { services } from '../../../services/index.ts'
import { environment } from './edge.ts'
import type { PodRef } from './kubernetes.ts'
import { runningPodsOfOurs } from './ports.ts'

/** What a workload is known by in the mesh: each ServiceAccount that a pod of the manifests runs with. */
export interface Identity {
  namespace: string
  account: string
  /** As authorization policies name it. */
  principal: string
}

const manifests = [...(await manifestsOf(services, environment, '{"keys":[]}')).values()].flat()

/** Services, edge, rate limits, databases and all Jobs, whether they run just now or not. */
export const identities: readonly Identity[] = [
  ...new Map(
    podsIn(manifests).map(({ namespace, pod }) => {
      const account = pod.serviceAccountName ?? 'default'
      const identity = { namespace, account, principal: principal(namespace, account) }
      return [identity.principal, identity]
    }),
  ).values(),
]

export const spiffe = (principal: string) => `spiffe://${principal}`

/** The images that have Node: those of the services and of the edge's stand-in. */
const withNode = [...services.map(({ name }) => name), edge].map((name) => imageOf(environment, name))

/** Those of the product's own pods that run and have Node, with the container that has it. */
export async function runningPods(): Promise<(PodRef & { principal: string })[]> {
  return (await runningPodsOfOurs()).flatMap(({ metadata: { name, namespace }, spec }) => {
    const container = spec.containers.find(({ image }: { image: string }) => withNode.includes(image))
    return container
      ? [
          {
            name,
            namespace,
            container: container.name,
            principal: principal(namespace, spec.serviceAccountName),
          },
        ]
      : []
  })
}
