import type { RequestListener } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { type Config, readConfig } from './config.ts'
import { type Constraints, Database } from './database.ts'
import type { JobsOptions } from './jobs.ts'
import { listen, onShutdown } from './listen.ts'
import { log } from './log.ts'
import { type Service, workerOf } from './service.ts'
import { startTelemetry } from './telemetry-sdk.ts'

/** What a service gets to build its app and its jobs from. */
export interface Runtime {
  config: Config
  /** Only where the service declares a database. */
  database: Database
  /** Aborted when the process drains: streams end. */
  draining: AbortSignal
}

/** What a service answers with: its contract's app, and beside it a Node handler for the paths under a prefix. */
export interface Served {
  fetch: Hono['fetch']
  /** For a library that speaks Node's request and response, e.g. the OIDC provider under `/oidc`. */
  node?: { prefix: `/${string}`; handler: RequestListener }
}

export interface Parts {
  /** Folder of the service's SQL migrations; needed with a database. */
  migrations?: URL
  constraints?: Constraints
  /** The app that answers; imported here so that a worker does not load it. */
  serve: (runtime: Runtime) => Promise<Served>
  /** The jobs, where the service declares a worker. */
  work?: (runtime: Runtime) => Promise<JobsOptions>
  /** What else it can be started for, by mode; the process ends after it. */
  tasks?: Readonly<Record<string, () => Promise<void>>>
}

/**
 * Runs a service: `main.ts` serves, `main.ts worker` works off its jobs, `main.ts migrate` brings its database to the
 * newest schema and ends, `main.ts provision` makes that database and its roles where they are missing. A service may
 * have tasks of its own beside these.
 */
export async function run(service: Service, parts: Parts): Promise<void> {
  const mode = process.argv[2] ?? 'serve'
  try {
    if (mode === 'migrate') await migrateOnly(service, parts)
    else if (mode === 'provision') await provisionOnly(service)
    else if (mode === 'worker') await runWorker(service, parts)
    else if (mode === 'serve') await runServer(service, parts)
    else if (parts.tasks?.[mode]) await parts.tasks[mode]()
    else throw new Error(`Unknown mode ${mode}: give nothing, ${modesOf(parts)}`)
  } catch (error) {
    const what = parts.tasks?.[mode] ? `${mode} failed` : 'cannot start'
    log.fatal({ service: service.name, mode, err: error }, what)
    process.stderr.write(`${service.name} ${what}: ${(error as Error).message}\n`)
    // A server may listen already: it must not answer probes for a process that does nothing.
    process.exit(1)
  }
}

const modesOf = ({ tasks = {} }: Parts) =>
  ['worker', 'migrate', 'provision', ...Object.keys(tasks)].join(', ')

async function migrateOnly(service: Service, parts: Parts): Promise<void> {
  const { migrate } = await import('./migrate.ts')
  const { readMigrationConfig } = await import('./config.ts')
  const config = readMigrationConfig(service)
  const applied = await migrate({
    service: service.name,
    migrations: parts.migrations!,
    ownerUrl: config.ownerUrl,
    ...(config.workerUrl ? { workerUrl: config.workerUrl } : {}),
  })
  log.info({ service: service.name, applied }, 'migrated')
}

async function provisionOnly(service: Service): Promise<void> {
  const { provision, readProvisionConfig } = await import('./provision.ts')
  await provision(readProvisionConfig(service.name))
  log.info({ service: service.name }, 'provisioned')
}

async function runServer(service: Service, parts: Parts): Promise<void> {
  const config = readConfig(service, 'serve')
  const telemetry = await startTelemetry(service.name)
  const draining = new AbortController()
  const database = openDatabase(service, parts, config)
  const app = await parts.serve({ config, database, draining: draining.signal })
  const server = await listen(requestListener(app), config, await readiness(service, parts, database))
  log.info({ service: service.name, port: server.port }, 'listening')
  onShutdown(config, async () => {
    await server.drain(config.drainPause, () => draining.abort())
    await database?.close()
    await telemetry.stop()
  })
}

export function requestListener({ fetch, node }: Served): RequestListener {
  const app = getRequestListener(fetch)
  if (!node) return app
  return (request, response) =>
    (request.url!.startsWith(`${node.prefix}/`) ? node.handler : app)(request, response)
}

async function runWorker(service: Service, parts: Parts): Promise<void> {
  if (!parts.work) throw new Error(`${service.name} has no worker`)
  const config = readConfig(service, 'worker')
  const telemetry = await startTelemetry(workerOf(service.name))
  const draining = new AbortController()
  const database = openDatabase(service, parts, config)
  const ready = await readiness(service, parts, database)
  let worker: Awaited<ReturnType<typeof import('./jobs.ts').work>> | undefined
  const server = await listen(getRequestListener(new Hono().fetch), config, async () => worker !== undefined)
  // Before the wait: a launcher or a pod may end while the schema is not there yet.
  onShutdown(config, async () => {
    draining.abort()
    await worker?.stop()
    await server.drain()
    await database?.close()
    await telemetry.stop()
  })
  while (!(await ready()) && !draining.signal.aborted) await sleep(200)
  if (draining.signal.aborted) return
  const { work } = await import('./jobs.ts')
  // Aborted jobs, the pools and telemetry need some of the time as well.
  const grace = Math.max(0, config.grace - 5000)
  worker = await work(service.name, config.workerUrl!, {
    grace,
    ...(await parts.work({ config, database, draining: draining.signal })),
  })
  if (draining.signal.aborted) await worker.stop()
  else log.info({ service: service.name, port: server.port }, 'working')
}

function openDatabase(service: Service, parts: Parts, config: Config): Database {
  // A service without a database gets none to use: its runtime type says so by not declaring one.
  if (!service.database) return undefined as never
  return new Database({
    url: config.databaseUrl!,
    pool: service.database.pool,
    ...(parts.constraints ? { constraints: parts.constraints } : {}),
  })
}

/** Ready at the schema that the code needs or a later one, so that pods and migrations may start in any order. */
async function readiness(
  service: Service,
  parts: Parts,
  database: Database,
): Promise<() => Promise<boolean>> {
  if (!service.database) return async () => true
  const { isMigrated } = await import('./schema-version.ts')
  let migrated = false
  return async () => {
    migrated ||= await isMigrated(database.pool, service.name, parts.migrations!).catch(() => false)
    return migrated
  }
}
