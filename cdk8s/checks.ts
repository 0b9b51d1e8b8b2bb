import { type ApiObject, type Check, meshChecks } from '../mesh/checks.ts'
import type { Graph } from '../mesh/graph.ts'
import { limitChecks } from '../mesh/limit-checks.ts'
import { postgresPort } from '../mesh/network.ts'
import { namespaces, principal } from '../mesh/resource.ts'
import { containersIn, type Labels, partOf, podsIn } from './pods.ts'
import { rightsNarrow } from './rights.ts'
import { versionChecks } from './version-checks.ts'

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

/** Passwords are put in by Kubernetes; what leaves the mesh is encrypted, and sure of whom it talks to. */
function connectionsSafe(objects: readonly ApiObject[]): string[] {
  // Our Services have sidecars behind them; those that operators make have not.
  const meshed = objects.flatMap(({ kind, metadata }) =>
    kind === 'Service' ? [`${metadata.name}.${metadata.namespace}.svc.cluster.local`] : [],
  )
  return containersIn(objects).flatMap(({ where, container }) =>
    (container.env ?? []).flatMap(({ name, value }) => {
      const parts = connection.exec(value ?? '')?.groups
      if (!parts) return []
      return [
        ...(/^\$\(\w+\)$/.test(parts.password!) ? [] : [`${where}: ${name} has a password in the manifest`]),
        ...(meshed.includes(parts.host!) || /sslmode=verify-full&sslrootcert=\S+/.test(parts.query!)
          ? []
          : [`${where}: ${name} leaves the mesh without sslmode=verify-full`]),
      ]
    }),
  )
}

/** The pods that hold connections to an instance inside the cluster, and its name. */
const connectionsIn = (objects: readonly ApiObject[]) => {
  const clusters = objects.filter(({ kind }) => kind === 'Cluster').map(({ metadata }) => metadata.name)
  const host = new RegExp(`@([^.]+)[.]${namespaces.databases}[.]svc`)
  return podsIn(objects).flatMap(({ namespace, unit, pod }) =>
    pod.containers
      .flatMap(({ env = [] }) => env.flatMap(({ value }) => host.exec(value ?? '')?.[1] ?? []))
      .map((name) => ({
        instance: clusters.find((cluster) => name === `${cluster}-rw`) ?? name,
        meshed: !clusters.some((cluster) => name === `${cluster}-rw`),
        identity: principal(namespace, pod.serviceAccountName ?? 'default'),
        unit: unit ?? 'pods without a label',
      })),
  )
}

const inDatabases = (objects: readonly ApiObject[], kind: string) =>
  objects.filter((each) => each.kind === kind && each.metadata.namespace === namespaces.databases)

/** One sentence for each who connects and is not admitted, or the other way round; both are `<who> at <instance>`. */
function compared(connecting: ReadonlySet<string>, admitted: ReadonlySet<string>): string[] {
  return [
    ...[...connecting].filter((each) => !admitted.has(each)).map((each) => `${each} is not admitted`),
    ...[...admitted]
      .filter((each) => !connecting.has(each))
      .map((each) => `${each} is admitted, but holds no connection`),
  ]
}

/** Whose pods hold a connection is admitted to that instance, and nobody else is. */
function databasesAdmitTheirOwn(objects: readonly ApiObject[]): string[] {
  const connecting = connectionsIn(objects)
    .filter(({ meshed }) => meshed)
    .map(({ identity, instance }) => `${identity} at ${instance}`)
  const admitted = inDatabases(objects, 'AuthorizationPolicy').flatMap(({ metadata, spec }) =>
    ((spec?.rules ?? []) as { from?: { source: { principals?: string[] } }[] }[])
      .flatMap(({ from = [{ source: {} }] }) => from.flatMap(({ source }) => source.principals ?? ['*']))
      .map((each) => `${each} at ${metadata.name}`),
  )
  return compared(new Set(connecting), new Set(admitted))
}

interface IngressRule {
  from?: { podSelector?: { matchLabels?: Labels } }[]
  ports?: { port: number }[]
}

/** The same of packets; a cluster's own servers and its operator come too. */
function packetsReachDatabases(objects: readonly ApiObject[]): string[] {
  const own = inDatabases(objects, 'Cluster').flatMap(({ metadata: { name } }) => [
    `${name} at ${name}`,
    `cloudnative-pg at ${name}`,
  ])
  const connecting = connectionsIn(objects).map(({ unit, instance }) => `${unit} at ${instance}`)
  const instances = new Set(connectionsIn(objects).map(({ instance }) => instance))
  const admitted = inDatabases(objects, 'NetworkPolicy').flatMap(({ spec }) => {
    const instance = (spec?.podSelector as { matchLabels?: Labels } | undefined)?.matchLabels?.[partOf] ?? ''
    if (!instances.has(instance)) return []
    return ((spec?.ingress ?? []) as IngressRule[])
      .filter(({ ports }) => ports?.some(({ port }) => port === postgresPort) ?? true)
      .flatMap(({ from = [{}] }) => from.map(({ podSelector }) => podSelector?.matchLabels ?? {}))
      .map((labels) => `${labels[partOf] ?? labels['app.kubernetes.io/name'] ?? 'anybody'} at ${instance}`)
  })
  return compared(new Set([...connecting, ...own]), new Set(admitted))
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
  ...limitChecks,
  'pods are restricted': podsRestricted,
  'rights are narrow': rightsNarrow,
  'ports are named': portsNamed,
  'ports are free': portsFree,
  'secrets are named': secretsNamed,
  'connections are safe': connectionsSafe,
  'databases admit their own': databasesAdmitTheirOwn,
  'packets reach databases from their own': packetsReachDatabases,
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
