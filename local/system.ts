import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Service } from '#kit/service.ts'
import { startChild } from './child.ts'
import { observationOf, observationPorts } from './observe.ts'
import { commonEnvironment, inService, planOf, portsNeeded } from './plan.ts'
import { freePorts } from './ports.ts'
import { startPostgres } from './postgres.ts'
import type { Connections, Preparation } from './prepare.ts'
import { keptSecrets } from './secrets.ts'
import { createSupervisor, type ProcessSpec } from './supervisor.ts'

export type SystemOptions = {
  dataDir: string
  /** Port of the edge. */
  port: number
  services: readonly Service[]
  /** To what the clock of leave is set. */
  now?: string | undefined
  /** Whether traces are collected. */
  observe?: boolean
  postgresSettings?: Record<string, string | number | boolean>
  /**
   * What is to be done first of all, at these addresses. The workers that follow events start after it: they would
   * take half of the machine to work off what is better worked off later.
   */
  enter?: (addresses: Record<string, string>) => Promise<void>
  /** Gives up the start. */
  signal?: AbortSignal
}

export type System = {
  url: string
  /** Addresses of the services, past the edge. */
  addresses: Record<string, string>
  superuserUrl: string
  /** Where traces are shown, if this machine can show them. */
  viewerUrl: string | undefined
  /** Resolves when a process has ended unasked. */
  failed: Promise<Error>
  /** Stops from the edge down, so that whatever is under way still finds what it needs. */
  stop(): Promise<void>
  /** Ends at once; PostgreSQL still shuts down by itself. */
  kill(): void
}

/** Longest time that a process gets to finish what it is doing. */
const grace = 8000

/** Starts PostgreSQL and every process of the services and waits until all are ready. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const { dataDir, services } = options
  const withDatabase = services.filter((service) => service.database)
  const environment = commonEnvironment(dataDir)
  const isFirst = !existsSync(environment.NODE_COMPILE_CACHE!)
  // Its modules load while PostgreSQL starts.
  const preparation = startChild<Preparation, Connections>('./prepare.ts', environment)
  const warming = isFirst ? startChild<null, true>('./warm.ts', environment) : undefined
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
    freePorts(portsNeeded(services) + observationPorts),
  ]).catch(async (error) => {
    preparation.cancel()
    warming?.cancel()
    await starting.then(
      (postgres) => postgres.stop(),
      () => {},
    )
    throw error
  })
  const supervisor = createSupervisor({ logDir: join(dataDir, 'logs'), grace })
  const observation = options.observe
    ? observationOf(dataDir, ports.splice(-observationPorts), environment)
    : undefined
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
    const connections = await preparation.ask({
      superuserUrl: postgres.superuserUrl,
      services: withDatabase.map(({ name, worker }) => ({
        name,
        worker,
        migrations: inService(name, 'migrations'),
        passwords: secrets.databases[name]!,
      })),
    })
    // Without it the processes start as well, only later.
    await warming?.ask(null).catch(() => {})
    const plan = planOf({
      ...options,
      environment: { ...environment, ...observation?.environment },
      connections,
      secrets,
      ports,
    })
    phases = observation ? [...plan.phases, [observation.receiver.name]] : plan.phases
    const postgresEnded = postgres.exited.then(() => {
      const failure = new Error(`PostgreSQL has ended. Its log: ${postgres.logFile}`)
      return isStopping ? new Promise<never>(() => {}) : failure
    })
    const failed = Promise.race([supervisor.failed, postgresEnded])
    const { processes, followers } = plan
    const start = (specs: ProcessSpec[]) => Promise.all(specs.map((spec) => supervisor.start(spec)))
    const inOrder = async () => {
      if (observation) await supervisor.start(observation.receiver)
      const later = processes.filter(({ name }) => options.enter && followers.includes(name))
      await start(processes.filter((spec) => !later.includes(spec)))
      await options.enter?.(plan.addresses)
      await start(later)
    }
    await Promise.race([inOrder(), failed.then((error) => Promise.reject(error)), aborted])
    return {
      url: plan.url,
      addresses: plan.addresses,
      superuserUrl: postgres.superuserUrl,
      viewerUrl: observation?.viewer?.url,
      failed,
      stop,
      kill: supervisor.kill,
    }
  } catch (error) {
    preparation.cancel()
    warming?.cancel()
    supervisor.kill()
    await stop()
    throw error
  }
}
