import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Layer } from '#kit/contract.ts'
import type { Service } from '#kit/service.ts'
import { freePorts } from './ports.ts'
import { startPostgres } from './postgres.ts'
import type { Connections, Preparation } from './prepare.ts'
import { keptSecrets, type Secrets } from './secrets.ts'
import { createSupervisor, type ProcessSpec } from './supervisor.ts'

export type SystemOptions = {
  dataDir: string
  /** Port of the edge. */
  port: number
  services: readonly Service[]
  postgresSettings?: Record<string, string | number | boolean>
  /** Gives up the start. */
  signal?: AbortSignal
}

export type System = {
  url: string
  /** Addresses of the services, past the edge. */
  addresses: Record<string, string>
  superuserUrl: string
  /** Resolves when a process has ended unasked. */
  failed: Promise<Error>
  /** Stops from the edge down, so that whatever is under way still finds what it needs. */
  stop(): Promise<void>
  /** Ends at once; PostgreSQL still shuts down by itself. */
  kill(): void
}

/** Longest time that a process gets to finish what it is doing. */
const grace = 5000

const repository = fileURLToPath(new URL('..', import.meta.url))
const entryOf = (name: string) => join(repository, 'services', name, 'main.ts')
const edgeEntry = join(repository, 'local/edge/main.ts')

/** Starts PostgreSQL and every process of the services and waits until all are ready. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const { dataDir, services } = options
  const withDatabase = services.filter((service) => service.database)
  const environment = commonEnvironment(dataDir)
  // Its modules load while PostgreSQL starts.
  const preparation = startPreparing(environment)
  const starting = startPostgres({
    dataDir,
    ...(options.postgresSettings && { settings: options.postgresSettings }),
  })
  const [postgres, secrets, ports] = await Promise.all([
    starting,
    keptSecrets(
      dataDir,
      withDatabase.map(({ name }) => name),
    ),
    freePorts(services.length + services.filter(({ worker }) => worker).length),
  ]).catch(async (error) => {
    preparation.cancel()
    await starting.then(
      (postgres) => postgres.stop(),
      () => {},
    )
    throw error
  })
  const supervisor = createSupervisor({ logDir: join(dataDir, 'logs'), grace })
  let phases: string[][] = []
  let isStopping = false
  const stop = async () => {
    isStopping = true
    for (const names of phases) await supervisor.stop(names)
    await postgres.stop()
  }

  const aborted = new Promise<never>((_, reject) => {
    options.signal?.addEventListener('abort', () => reject(options.signal!.reason))
  })
  aborted.catch(() => {})

  try {
    options.signal?.throwIfAborted()
    const connections = await preparation.run({
      superuserUrl: postgres.superuserUrl,
      services: withDatabase.map(({ name, worker }) => ({
        name,
        worker,
        migrations: join(repository, 'services', name, 'migrations'),
        passwords: secrets.databases[name]!,
      })),
    })
    const plan = planOf({ ...options, environment, connections, secrets, ports })
    phases = plan.phases
    const postgresEnded = postgres.exited.then(() => {
      const failure = new Error(`PostgreSQL has ended. Its log: ${postgres.logFile}`)
      return isStopping ? new Promise<never>(() => {}) : failure
    })
    const failed = Promise.race([supervisor.failed, postgresEnded])
    await Promise.race([
      Promise.all(plan.processes.map((spec) => supervisor.start(spec))),
      failed.then((error) => Promise.reject(error)),
      aborted,
    ])
    return {
      url: plan.url,
      addresses: plan.addresses,
      superuserUrl: postgres.superuserUrl,
      failed,
      stop,
      kill: supervisor.kill,
    }
  } catch (error) {
    preparation.cancel()
    supervisor.kill()
    await stop()
    throw error
  }
}

function commonEnvironment(dataDir: string): Record<string, string> {
  const passed = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && /^(PATH|HOME|LANG|LOG_LEVEL|OTEL_.*)$/.test(name),
  ) as [string, string][]
  return {
    ...Object.fromEntries(passed),
    TZ: 'UTC',
    // Starting from compiled code takes half the time; measured with `npm start` on 2 cores.
    NODE_COMPILE_CACHE: join(dataDir, 'compile-cache'),
  }
}

/** Starts the preparing process, which waits to be told what to prepare. */
function startPreparing(env: Record<string, string>) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./prepare.ts', import.meta.url))], { env })
  const result = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  child.stdin.on('error', () => {})
  return {
    async run(what: Preparation): Promise<Connections> {
      child.stdin.end(JSON.stringify(what))
      const [output, errors, [code]] = await result
      if (code !== 0) throw new Error(`The databases could not be prepared: ${errors.trim()}`)
      return JSON.parse(output) as Connections
    },
    cancel: () => child.kill(),
  }
}

type Planning = SystemOptions & {
  environment: Record<string, string>
  connections: Connections
  secrets: Secrets
  ports: number[]
}

/** Which processes run, with which environment; derived from what the services declare. */
export function planOf({ services, port, environment, connections, secrets, ports }: Planning) {
  const free = ports.values()
  const nextPort = () => {
    const { value } = free.next()
    if (value === undefined) throw new Error('Fewer ports than processes')
    return value
  }
  const url = `http://localhost:${port}`
  const portOf = new Map(services.map(({ name }) => [name, nextPort()]))
  const addresses = Object.fromEntries([...portOf].map(([name, at]) => [name, `http://127.0.0.1:${at}`]))
  const ofIdentity = {
    ISSUER: url,
    SIGNING_KEYS: JSON.stringify({ keys: secrets.signingKeys }),
    COOKIE_KEYS: secrets.cookieKeys.join(','),
  }

  const process = (name: string, at: number, args: string[], env: Record<string, string>): ProcessSpec => ({
    name,
    args,
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
    }
    const entry = entryOf(service.name)
    servers.push(process(service.name, portOf.get(service.name)!, [entry], env))
    if (!service.worker) continue
    const queue = urls && { QUEUE_DATABASE_URL: urls.worker }
    workers.push(process(`${service.name}-worker`, nextPort(), [entry, 'worker'], { ...env, ...queue }))
  }
  const edge = existsSync(edgeEntry)
    ? [process('edge', port, [edgeEntry], addressesFor([...portOf.keys()], addresses))]
    : []

  const layer = (wanted: Layer) =>
    services.filter((service) => service.layer === wanted).map(({ name }) => name)
  const names = (specs: ProcessSpec[]) => specs.map(({ name }) => name)
  return {
    url,
    addresses,
    processes: [...servers, ...workers, ...edge],
    phases: [names(edge), layer('application'), names(workers), layer('data')],
  }
}

const addressesFor = (names: string[], addresses: Record<string, string>) =>
  Object.fromEntries(names.map((name) => [`${name.toUpperCase()}_URL`, addresses[name]!]))
