import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { type Config, readConfig } from './config.ts'
import { type Constraints, Database } from './database.ts'
import type { JobsOptions } from './jobs.ts'
import { log } from './log.ts'
import type { Service } from './service.ts'
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
}

/**
 * Runs a service: `main.ts` serves, `main.ts worker` works off its jobs, `main.ts migrate` brings its database to the
 * newest schema and ends.
 */
export async function run(service: Service, parts: Parts): Promise<void> {
  const mode = process.argv[2] ?? 'serve'
  try {
    if (mode === 'migrate') await migrateOnly(service, parts)
    else if (mode === 'worker') await runWorker(service, parts)
    else if (mode === 'serve') await runServer(service, parts)
    else throw new Error(`Unknown mode ${mode}: give nothing, worker or migrate`)
  } catch (error) {
    log.fatal({ service: service.name, mode, err: error }, 'cannot start')
    process.stderr.write(`${service.name} cannot start: ${(error as Error).message}\n`)
    process.exitCode = 1
  }
}

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

async function runServer(service: Service, parts: Parts): Promise<void> {
  const config = readConfig(service, 'serve')
  const telemetry = await startTelemetry(service.name)
  const draining = new AbortController()
  const database = openDatabase(service, parts, config)
  const app = await parts.serve({ config, database, draining: draining.signal })
  const server = await listen(requestListener(app), config, await readiness(service, parts, database))
  log.info({ service: service.name, port: config.port }, 'listening')
  onShutdown(config, async () => {
    server.notReady()
    await sleep(config.drainPause)
    draining.abort()
    await server.drain()
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
  const telemetry = await startTelemetry(`${service.name}-worker`)
  const draining = new AbortController()
  const database = openDatabase(service, parts, config)
  const ready = await readiness(service, parts, database)
  const server = await listen(getRequestListener(new Hono().fetch), config, ready)
  while (!(await ready()) && !draining.signal.aborted) await sleep(200)
  const { work } = await import('./jobs.ts')
  // Aborted jobs, the pools and telemetry need some of the time as well.
  const grace = Math.max(0, config.grace - 5000)
  const worker = await work(service.name, config.workerUrl!, {
    grace,
    ...(await parts.work({ config, database, draining: draining.signal })),
  })
  log.info({ service: service.name, port: config.port }, 'working')
  onShutdown(config, async () => {
    server.notReady()
    draining.abort()
    await worker.stop()
    await server.drain()
    await database?.close()
    await telemetry.stop()
  })
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

/**
 * Serves the app and its probes: /livez (the process runs), /startupz and /readyz (the schema is there, and the
 * process isn't draining).
 */
export async function listen(
  serve: RequestListener,
  config: Pick<Config, 'host' | 'port'>,
  ready: () => Promise<boolean>,
) {
  let isReady = true
  const root = new Hono()
  root.get('/livez', (c) => c.text('ok'))
  root.get('/startupz', async (c) => ((await ready()) ? c.text('ok') : c.text('waiting for the schema', 503)))
  root.get('/readyz', async (c) =>
    isReady && (await ready()) ? c.text('ok') : c.text(isReady ? 'waiting for the schema' : 'draining', 503),
  )
  const probes = getRequestListener(root.fetch)
  const open = new Set<ServerResponse>()
  const server = createServer((request, response) => {
    open.add(response)
    response.on('close', () => open.delete(response))
    if (!isReady) lastOn(response)
    const isProbe = request.url === '/livez' || request.url === '/readyz' || request.url === '/startupz'
    void (isProbe ? probes : serve)(request, response)
  })
  // Above the idle timeout of Envoy's upstream connections (1 hour): the proxy closes first, never we under a request.
  server.keepAliveTimeout = 3_660_000
  server.requestTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(config.port, config.host, resolve)
  })
  return {
    server,
    notReady() {
      isReady = false
      for (const response of open) lastOn(response)
    },
    drain: () => close(server),
  }
}

/** Tells the other side to send no further request on this connection. */
function lastOn(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close')
}

/** Takes no more connections, and ends when the open requests are answered. */
async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  // Those that become idle only now would otherwise be kept alive.
  const idle = setInterval(() => server.closeIdleConnections(), 100)
  await closed
  clearInterval(idle)
}

/** Shuts down once, on SIGTERM, SIGINT, or (where asked) when the launcher's pipe on stdin closes. */
export function onShutdown(
  config: Pick<Config, 'grace' | 'exitWithParent'>,
  shutdown: () => Promise<void>,
): void {
  let begun = false
  const begin = async (reason: string) => {
    if (begun) return
    begun = true
    log.info({ reason }, 'shutting down')
    // Should something hang, the process still ends within its grace period.
    setTimeout(() => process.exit(1), config.grace).unref()
    await shutdown().catch((error) => {
      log.error({ err: error }, 'the shutdown failed')
      process.exitCode = 1
    })
    if (config.exitWithParent) process.stdin.destroy()
  }
  process.on('SIGTERM', () => void begin('SIGTERM'))
  process.on('SIGINT', () => void begin('SIGINT'))
  if (config.exitWithParent) process.stdin.on('end', () => void begin('launcher gone')).resume()
}
