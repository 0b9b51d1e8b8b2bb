import type { ApiObject } from '../mesh/checks.ts'
import { edge } from '../mesh/graph.ts'
import { restrictedContainer } from './constructs/restricted.ts'
import { type Environment, imageOf } from './environments.ts'
import { podsIn } from './pods.ts'

/** As far as it is looked at here. */
interface Container {
  name: string
  image: string
  command?: string[]
  env?: { name: string; value?: string }[]
  ports?: { containerPort: number }[]
  resources?: object
  volumeMounts?: object[]
  startupProbe?: object
  readinessProbe?: object
  livenessProbe?: object
}

interface Pod {
  containers: Container[]
  initContainers?: Container[]
  volumes?: object[]
  terminationGracePeriodSeconds?: number
}

/** Where the image's stage `development` keeps the sources, and where it runs them. */
export const kept = '/sources'
const sources = { name: 'sources', mountPath: '/staffmesh/services' }
/** Stripped of types once. */
const compiled = { name: 'compiled', mountPath: '/compiled' }

/** Of a program from its sources: the types it strips, and beside it the process that watches. */
const memory = { requests: { cpu: '20m', memory: '160Mi' }, limits: { memory: '512Mi' } }

/**
 * Runs services from their sources, by the Dockerfile's stage `development`: a server or a worker starts again when they
 * change, and keeps its pod while it is broken. All else (identities, policies, Secrets, what a pod may do) is as it was.
 */
export function developed(
  objects: readonly ApiObject[],
  services: readonly string[],
  environment: Environment,
): ApiObject[] {
  const serviceOf = new Map([...services, edge].map((name) => [imageOf(environment, name), name]))
  const changed = structuredClone([...objects])
  for (const object of changed)
    for (const { pod } of podsIn([object])) {
      const known = pod as unknown as Pod
      for (const container of known.containers) {
        const service = serviceOf.get(container.image)
        if (service) runSources(known, container, service, object.kind === 'Deployment')
      }
    }
  return changed
}

function runSources(pod: Pod, container: Container, service: string, stays: boolean): void {
  pod.initContainers = [
    ...(pod.initContainers ?? []),
    {
      ...restrictedContainer,
      name: sources.name,
      image: container.image,
      command: ['cp', '-R', `${kept}/.`, sources.mountPath],
      resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
      volumeMounts: [{ ...sources }],
    },
  ]
  pod.volumes = [
    ...(pod.volumes ?? []),
    ...[sources, compiled].map(({ name }) => ({ name, emptyDir: { sizeLimit: '128Mi' } })),
  ]
  container.volumeMounts = [...(container.volumeMounts ?? []), { ...sources }, { ...compiled }]
  container.resources = structuredClone(memory)
  container.command = ['node', ...(stays ? watching : []), `services/${service}/main.ts`]
  setVariables(container, { NODE_COMPILE_CACHE: compiled.mountPath })
  if (!stays) return
  pod.terminationGracePeriodSeconds = 5
  // Nobody drains into another replica: the next program is to listen as soon as it can.
  setVariables(container, { DRAIN_PAUSE_MS: '0', SHUTDOWN_GRACE_MS: '2000' })
  // While it starts again callers wait for it, and while it is broken its container stays to be mended.
  container.readinessProbe = { ...container.readinessProbe, periodSeconds: 1, failureThreshold: 10 }
  delete container.startupProbe
  delete container.livenessProbe
}

/** The inspector listens inside the pod only, on 9229. https://nodejs.org/api/cli.html#--watch */
export const watching = ['--inspect', '--watch-path=services', '--watch-preserve-output']

function setVariables(container: Container, values: Readonly<Record<string, string>>): void {
  const others = (container.env ?? []).filter(({ name }) => !(name in values))
  container.env = [...others, ...Object.entries(values).map(([name, value]) => ({ name, value }))]
}
