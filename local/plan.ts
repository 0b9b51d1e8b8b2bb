import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Layer } from '#kit/contract.ts'
import type { Service } from '#kit/service.ts'
import type { Connections } from './prepare.ts'
import type { Secrets } from './secrets.ts'
import type { ProcessSpec } from './supervisor.ts'

const repository = fileURLToPath(new URL('..', import.meta.url))

/** A path in the folder of a service. */
export const inService = (name: string, path: string) => join(repository, 'services', name, path)

/** How many ports the processes need besides the edge's. */
export const portsNeeded = (services: readonly Service[]) =>
  services.length + services.filter(({ worker }) => worker).length

/** What every process gets of the launcher's own environment, and what all have in common. */
export function commonEnvironment(dataDir: string): Record<string, string> {
  const passed = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && /^(PATH|HOME|LANG|LOG_LEVEL|CORS_ORIGINS|OTEL_.*)$/.test(name),
  ) as [string, string][]
  return {
    ...Object.fromEntries(passed),
    TZ: 'UTC',
    // Starting from compiled code takes half the time; measured with `npm start` on 2 cores.
    NODE_COMPILE_CACHE: join(dataDir, 'compile-cache'),
  }
}

/**
 * Half of V8's default for new objects: after the burst of a first start identity stays at 98 MB instead of 121,
 * until V8 tidies up minutes later.
 */
const smallNursery = '--max-semi-space-size=8'

type Planning = {
  services: readonly Service[]
  /** Port of the edge. */
  port: number
  environment: Record<string, string>
  connections: Connections
  secrets: Secrets
  /** As many as `portsNeeded` says. */
  ports: number[]
  /** To what the clock of leave is set. */
  now?: string | undefined
}

/** Which processes run, with which environment; derived from what the services declare. */
export function planOf({ services, port, environment, connections, secrets, ports, now }: Planning) {
  const free = ports.values()
  const nextPort = () => free.next().value!
  const url = `http://localhost:${port}`
  const portOf = new Map(services.map(({ name }) => [name, nextPort()]))
  const addresses = Object.fromEntries([...portOf].map(([name, at]) => [name, `http://127.0.0.1:${at}`]))
  const ofIdentity = {
    PUBLIC_URL: url,
    SIGNING_KEYS_FILE: secrets.signingKeysFile,
    COOKIE_KEYS_FILE: secrets.cookieKeysFile,
  }

  const process = (name: string, at: number, args: string[], env: Record<string, string>): ProcessSpec => ({
    name,
    args: [smallNursery, ...args],
    env: { ...environment, ...env, PORT: String(at) },
    readyUrl: `http://127.0.0.1:${at}/readyz`,
  })

  const servers: ProcessSpec[] = []
  const workers: ProcessSpec[] = []
  for (const service of services) {
    const urls = connections[service.name]
    const env = {
      IDENTITY_HEADERS: 'loopback',
      ...(urls && { DATABASE_URL: urls.app }),
      ...addressesFor(Object.keys(service.calls), addresses),
      ...(service.name === 'identity' && ofIdentity),
      ...(service.name === 'leave' && now && { LEAVE_NOW: now }),
    }
    const entry = inService(service.name, 'main.ts')
    servers.push(process(service.name, portOf.get(service.name)!, [entry], env))
    if (!service.worker) continue
    const queue = urls && { QUEUE_DATABASE_URL: urls.worker }
    workers.push(process(`${service.name}-worker`, nextPort(), [entry, 'worker'], { ...env, ...queue }))
  }
  const edge = process('edge', port, [inService('edge', 'main.ts')], {
    PUBLIC_URL: url,
    ...addressesFor([...portOf.keys()], addresses),
  })

  const layer = (wanted: Layer) =>
    services.filter((service) => service.layer === wanted).map(({ name }) => name)
  return {
    url,
    addresses,
    processes: [...servers, ...workers, edge],
    /** Those among them that follow what happens in the others. */
    followers: services.filter(isFollower).map(({ name }) => `${name}-worker`),
    /** In this order they stop, so that whatever is under way still finds what it needs. */
    phases: [[edge.name], layer('application'), workers.map(({ name }) => name), layer('data')],
  }
}

const isFollower = ({ layer, worker }: Service) => layer === 'application' && worker

function addressesFor(names: string[], addresses: Record<string, string>): Record<string, string> {
  const entries = names.map((name) => {
    const address = addresses[name]
    if (!address) throw new Error(`The service ${name} is called, but services/index.ts does not list it`)
    return [`${name.toUpperCase()}_URL`, address]
  })
  return Object.fromEntries(entries)
}
