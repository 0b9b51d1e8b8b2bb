import type { ApiObject, Check } from '../mesh/checks.ts'
import { namespaces } from '../mesh/resource.ts'

type Labels = Readonly<Record<string, string>>

/** What makes pods: the labels that it gives them, and those by which it knows them again. */
interface Workload {
  name: string
  namespace: string | undefined
  selector: Labels
  labels: Labels
}

const workloadsIn = (objects: readonly ApiObject[]): Workload[] =>
  objects
    .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
    .map(({ metadata, spec }) => ({
      name: metadata.name,
      namespace: metadata.namespace,
      selector: (spec!.selector as { matchLabels: Labels }).matchLabels,
      labels: (spec!.template as { metadata: { labels: Labels } }).metadata.labels,
    }))

const matches = (selector: Labels, labels: Labels) =>
  Object.entries(selector).every(([key, value]) => labels[key] === value)

/** Of two that select the same pods each would count the other's as its own. */
function podsHaveOneOwner(objects: readonly ApiObject[]): string[] {
  const workloads = workloadsIn(objects)
  return workloads.flatMap((owner) =>
    workloads
      .filter((other) => other !== owner && other.namespace === owner.namespace)
      .filter((other) => matches(owner.selector, other.labels))
      .map((other) => `${owner.name} takes the pods of ${other.name} for its own`),
  )
}

const workloadsOf = (objects: readonly ApiObject[], service: ApiObject) =>
  workloadsIn(objects).filter(
    ({ namespace, labels }) =>
      namespace === service.metadata.namespace && matches(service.spec!.selector as Labels, labels),
  )

const guards = [
  'AuthorizationPolicy',
  'EnvoyFilter',
  'NetworkPolicy',
  'PodDisruptionBudget',
  'RequestAuthentication',
  'Sidecar',
]

interface Selecting {
  selector?: { matchLabels?: Labels }
  podSelector?: { matchLabels?: Labels }
  workloadSelector?: { labels?: Labels }
}

/** The names of the policies that hold for pods of a workload. */
const guardsOf = (objects: readonly ApiObject[], { namespace, labels }: Workload) =>
  objects
    .filter(({ kind, metadata }) => guards.includes(kind) && metadata.namespace === namespace)
    .filter(({ spec = {} }) => {
      const { selector, podSelector, workloadSelector } = spec as Selecting
      return matches(
        selector?.matchLabels ?? podSelector?.matchLabels ?? workloadSelector?.labels ?? {},
        labels,
      )
    })
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`)

/** But for those by which Prometheus finds the proxies: they have no port that anybody calls. */
const servicesIn = (objects: readonly ApiObject[]) =>
  objects.filter(
    ({ kind, metadata, spec }) =>
      kind === 'Service' && metadata.namespace === namespaces.services && spec?.ports !== undefined,
  )

/** Whichever version answers, the same policies hold. */
function versionsGuardedAlike(objects: readonly ApiObject[]): string[] {
  return servicesIn(objects).flatMap((service) => {
    const versions = workloadsOf(objects, service).map((each) => ({
      name: each.name,
      guards: guardsOf(objects, each),
    }))
    return versions.flatMap(({ name, guards: held }) =>
      versions
        .flatMap((other) => other.guards)
        .filter((guard) => !held.includes(guard))
        .map((guard) => `${guard} holds for a version of ${service.metadata.name}, but not for ${name}`),
    )
  })
}

interface Route {
  name: string
  route: { destination: { host: string; subset?: string }; weight?: number }[]
}
interface Subset {
  name: string
  labels: Labels
}

/** Each route leads to versions that have pods, and all of its requests go somewhere. */
function versionsThere(objects: readonly ApiObject[]): string[] {
  const named = (kind: string, name: string) =>
    objects.find((each) => each.kind === kind && each.metadata.name === name)
  return servicesIn(objects).flatMap((service) => {
    const { name } = service.metadata
    const subsets = (named('DestinationRule', name)?.spec?.subsets ?? []) as Subset[]
    const withPods = subsets.filter(
      (subset) =>
        workloadsOf(objects, service).filter(({ labels }) => matches(subset.labels, labels)).length === 1,
    )
    return ((named('VirtualService', name)?.spec?.http ?? []) as Route[]).flatMap(
      ({ name: route, route: to }) => [
        ...to
          .filter(({ destination }) => !withPods.some((subset) => subset.name === destination.subset))
          .map(({ destination }) => `${name}, route ${route}: version ${destination.subset} has no pods`),
        ...(to.reduce((sum, { weight = 100 }) => sum + weight, 0) === 100
          ? []
          : [`${name}, route ${route}: the weights do not make 100`]),
      ],
    )
  })
}

/** What must hold where there are two versions of a service, each by the name that a failure is known by. */
export const versionChecks: Readonly<Record<string, Check>> = {
  'pods have one owner': podsHaveOneOwner,
  'versions are guarded alike': versionsGuardedAlike,
  'versions are there': versionsThere,
}
