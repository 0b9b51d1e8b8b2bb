import { type ApiObject, type Check, meshChecks } from '../mesh/checks.ts'
import type { Graph } from '../mesh/graph.ts'
import { namespaces, principal } from '../mesh/resource.ts'
import { versionChecks } from './version-checks.ts'

interface Container {
  name: string
  securityContext?: Record<string, unknown>
  ports?: { name?: string; containerPort: number }[]
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef?: { name?: string; key?: string } } }[]
}

interface Pod {
  automountServiceAccountToken?: boolean
  hostNetwork?: boolean
  serviceAccountName?: string
  securityContext?: Record<string, unknown>
  containers: Container[]
  initContainers?: Container[]
  volumes?: { name: string; secret?: { secretName?: string }; hostPath?: unknown }[]
}

/** Each pod that the objects make, with the words to name it by. */
const podsIn = (objects: readonly ApiObject[]): { where: string; namespace: string; pod: Pod }[] =>
  objects.flatMap(({ kind, metadata, spec }) => {
    const template = spec?.template as { spec?: Pod } | undefined
    if (!template?.spec?.containers) return []
    const namespace = metadata.namespace ?? 'default'
    return [{ where: `${kind} ${metadata.name}`, namespace, pod: template.spec }]
  })

const containersIn = (objects: readonly ApiObject[]) =>
  podsIn(objects).flatMap(({ where, pod }) =>
    [...pod.containers, ...(pod.initContainers ?? [])].map((container) => ({
      where: `${where}, container ${container.name}`,
      container,
    })),
  )

const restricted = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
}

function podsRestricted(objects: readonly ApiObject[]): string[] {
  return [
    ...containersIn(objects).flatMap(({ where, container }) =>
      Object.entries(restricted)
        .filter(
          ([field, wanted]) => JSON.stringify(container.securityContext?.[field]) !== JSON.stringify(wanted),
        )
        .map(([field, wanted]) => `${where}: securityContext.${field} must be ${JSON.stringify(wanted)}`),
    ),
    ...containersIn(objects).flatMap(({ where, container }) =>
      container.securityContext?.runAsUser === 0 || container.securityContext?.privileged
        ? [`${where}: runs as root or privileged`]
        : [],
    ),
    ...podsIn(objects).flatMap(({ where, pod }) => [
      ...(pod.securityContext?.runAsUser === 0 ? [`${where}: runs as root`] : []),
      ...(pod.hostNetwork || pod.volumes?.some(({ hostPath }) => hostPath)
        ? [`${where}: uses the node's`]
        : []),
      ...(pod.automountServiceAccountToken === false ? [] : [`${where}: has a token of the API server`]),
    ]),
  ]
}

/** Protocols by name, since the proxies of the bare cluster do not guess. */
function portsNamed(objects: readonly ApiObject[]): string[] {
  return objects
    .filter(({ kind }) => kind === 'Service')
    .flatMap(({ metadata, spec }) =>
      ((spec?.ports ?? []) as { name?: string; port: number; appProtocol?: string }[])
        .filter(({ name, appProtocol }) => !/^(http|grpc|tcp|tls|https)-/.test(name ?? '') || !appProtocol)
        .map(({ port }) => `Service ${metadata.name}: name port ${port} <protocol>-… and give appProtocol`),
    )
}

/** Ports of the sidecar: https://istio.io/latest/docs/ops/deployment/application-requirements/ */
const sidecarPorts = [15000, 15001, 15004, 15006, 15008, 15020, 15021, 15053, 15090]

function portsFree(objects: readonly ApiObject[]): string[] {
  const services = objects.flatMap(({ kind, metadata, spec }) =>
    kind === 'Service'
      ? [
          {
            where: `Service ${metadata.name}`,
            ports: ((spec?.ports ?? []) as { port: number }[]).map(({ port }) => port),
          },
        ]
      : [],
  )
  const pods = podsIn(objects).map(({ where, pod }) => ({
    where,
    ports: pod.containers.flatMap(({ ports = [] }) => ports.map(({ containerPort }) => containerPort)),
  }))
  return [
    ...[...services, ...pods].flatMap(({ where, ports }) =>
      ports
        .filter((port, index) => ports.indexOf(port) !== index)
        .map((port) => `${where}: port ${port} is taken twice; give one of them another`),
    ),
    ...pods.flatMap(({ where, ports }) =>
      ports
        .filter((port) => sidecarPorts.includes(port))
        .map((port) => `${where}: port ${port} is the sidecar's; take another`),
    ),
  ]
}

function secretsNamed(objects: readonly ApiObject[]): string[] {
  return [
    ...containersIn(objects).flatMap(({ where, container }) =>
      (container.env ?? [])
        .filter(
          ({ valueFrom }) =>
            valueFrom?.secretKeyRef && !(valueFrom.secretKeyRef.name && valueFrom.secretKeyRef.key),
        )
        .map(({ name }) => `${where}: ${name} comes from a Secret without a name or a key; name both`),
    ),
    ...podsIn(objects).flatMap(({ where, pod }) =>
      (pod.volumes ?? [])
        .filter(({ secret }) => secret && !secret.secretName)
        .map(
          ({ name }) =>
            `${where}: volume ${name} is a Secret without a name; name it in the environment's values`,
        ),
    ),
  ]
}

const connection = /^postgres:\/\/\w+:(?<password>[^@]*)@(?<host>[^:/]+)[^?]*(?<query>.*)$/

/** Passwords are put in by Kubernetes; what leaves the cluster is encrypted, and sure of whom it talks to. */
function connectionsSafe(objects: readonly ApiObject[]): string[] {
  return containersIn(objects).flatMap(({ where, container }) =>
    (container.env ?? []).flatMap(({ name, value }) => {
      const parts = connection.exec(value ?? '')?.groups
      if (!parts) return []
      const inside = parts.host!.endsWith('.svc.cluster.local')
      return [
        ...(/^\$\(\w+\)$/.test(parts.password!) ? [] : [`${where}: ${name} has a password in the manifest`]),
        ...(inside || /sslmode=verify-full&sslrootcert=\S+/.test(parts.query!)
          ? []
          : [`${where}: ${name} leaves the cluster without sslmode=verify-full`]),
      ]
    }),
  )
}

/** Whose pods hold a connection is admitted to that instance, and nobody else is. */
function databasesAdmitTheirOwn(objects: readonly ApiObject[]): string[] {
  const host = new RegExp(`@([^.]+)[.]${namespaces.databases}[.]svc`)
  const connecting = new Set(
    podsIn(objects).flatMap(({ namespace, pod }) =>
      pod.containers
        .flatMap(({ env = [] }) => env.flatMap(({ value }) => host.exec(value ?? '')?.[1] ?? []))
        .map((instance) => `${principal(namespace, pod.serviceAccountName ?? 'default')} at ${instance}`),
    ),
  )
  const admitted = new Set(
    objects
      .filter(
        ({ kind, metadata }) => kind === 'AuthorizationPolicy' && metadata.namespace === namespaces.databases,
      )
      .flatMap(({ metadata, spec }) =>
        ((spec?.rules ?? []) as { from?: { source: { principals?: string[] } }[] }[])
          .flatMap(({ from = [{ source: {} }] }) => from.flatMap(({ source }) => source.principals ?? ['*']))
          .map((each) => `${each} at ${metadata.name}`),
      ),
  )
  return [
    ...[...connecting].filter((each) => !admitted.has(each)).map((each) => `${each} is not admitted`),
    ...[...admitted]
      .filter((each) => !connecting.has(each))
      .map((each) => `${each} is admitted, but holds no connection`),
  ]
}

function namesUnique(objects: readonly ApiObject[]): string[] {
  const names = objects.map(({ apiVersion, kind, metadata }) =>
    [apiVersion, kind, metadata.namespace ?? '', metadata.name].join(' '),
  )
  return names.filter((name, index) => names.indexOf(name) !== index).map((name) => `${name} is there twice`)
}

/** What must hold of all that is deployed, each by the name that a failure is known by. */
const checks: Readonly<Record<string, Check>> = {
  ...meshChecks,
  'pods are restricted': podsRestricted,
  'ports are named': portsNamed,
  'ports are free': portsFree,
  'secrets are named': secretsNamed,
  'connections are safe': connectionsSafe,
  'databases admit their own': databasesAdmitTheirOwn,
  'names are unique': namesUnique,
  ...versionChecks,
}

/** The names of the checks that fail, with what they found. */
export const faultsIn = (objects: readonly ApiObject[], graph: Graph): Map<string, string[]> =>
  new Map(
    Object.entries(checks)
      .map(([name, check]) => [name, check(objects, graph)] as const)
      .filter(([, faults]) => faults.length > 0),
  )

/** Refuses to write what would not hold. */
export function refuseFaults(objects: readonly ApiObject[], graph: Graph): void {
  const faults = [...faultsIn(objects, graph)]
  if (faults.length > 0)
    throw new Error(faults.flatMap(([name, found]) => found.map((each) => `${name}: ${each}`)).join('\n'))
}
