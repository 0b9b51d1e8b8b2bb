import { randomUUIDv7 } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { encodeRoles, identityHeaders } from '#kit/caller.ts'
import { rolesOf } from '#kit/provision.ts'
import { services } from '../../services/index.ts'
import { inService } from '../plan.ts'
import { freePorts } from '../ports.ts'
import { keptSecrets } from '../secrets.ts'
import { startSystem } from '../system.ts'
import { childRunning, proportional } from './processes.ts'

/** The services that are measured. */
type Measured = 'directory' | 'workforce' | 'leave'

/** The real processes on an empty cluster of their own, and how to look at them. */
export interface World {
  addresses: Record<Measured, string>
  /** A company that nobody knows yet. */
  company(): Company
  /** To the database `postgres`. */
  superuser: pg.Client
  logFile: string
  /** The superuser's connection to a database. */
  urlOf(database: string): string
  /** The connection that a service itself uses. */
  appUrlOf(service: Measured): string
  /** Process numbers. */
  pids: Record<Measured | 'postgres' | 'directoryWorker' | 'leaveWorker', number>
  stop(): Promise<void>
}

export interface Company {
  tenant: string
  /** Identity headers of an HR administrator, as the edge makes them. */
  headers: Record<string, string>
}

/** `now`: to what the clock of leave is set, so that what it does is the same on each day. */
export async function startWorld(now: string): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), 'staffmesh-bench-'))
  await chmod(dataDir, 0o711)
  const [port] = await freePorts(1)
  const system = await startSystem({
    dataDir,
    port: port!,
    now,
    // Statements are recorded with their values: nothing here is about a person.
    postgresSettings: { log_error_verbosity: 'default', log_parameter_max_length: -1 },
    // Lifecycle would make accounts for all who are imported, at the same time.
    services: services.filter(({ name }) => name !== 'lifecycle'),
  })
  const superuser = new pg.Client({ connectionString: system.superuserUrl })
  await superuser.connect()
  const { databases } = await keptSecrets(dataDir, [])
  const urlOf = (database: string) => {
    const url = new URL(system.superuserUrl)
    url.pathname = database
    return url
  }
  const serving = (service: Measured) => childRunning(inService(service, 'main.ts'))
  const working = (service: Measured) => childRunning(`${inService(service, 'main.ts')} worker`)
  return {
    addresses: system.addresses as World['addresses'],
    company() {
      const tenant = randomUUIDv7()
      return {
        tenant,
        headers: {
          'content-type': 'application/json',
          [identityHeaders.tid]: tenant,
          [identityHeaders.sub]: randomUUIDv7(),
          [identityHeaders.azp]: 'bench',
          [identityHeaders.roles]: encodeRoles(['hr-admin:all']),
        },
      }
    },
    superuser,
    logFile: join(dataDir, 'postgres.log'),
    urlOf: (database) => urlOf(database).href,
    appUrlOf(service) {
      const url = urlOf(service)
      url.username = rolesOf(service).app
      url.password = databases[service]!.app
      return url.href
    },
    pids: {
      postgres: Number((await readFile(join(dataDir, 'cluster/postmaster.pid'), 'utf8')).split('\n')[0]),
      directory: serving('directory'),
      directoryWorker: working('directory'),
      workforce: serving('workforce'),
      leave: serving('leave'),
      leaveWorker: working('leave'),
    },
    async stop() {
      await superuser.end()
      await system.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** Megabytes (proportional set size) of each process, once the system has been left alone for a moment. */
export const memoryOf = ({ pids }: World) =>
  Object.entries(pids)
    .filter(([name]) => name !== 'postgres')
    .map(([name, pid]) => [name, proportional(pid)] as const)

/** Does what autovacuum does by and by after much was written, so that it does not happen during what is measured. */
export async function tidy({ urlOf }: World, database: string): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(database) })
  await client.connect()
  await client.query('vacuum analyze')
  await client.end()
}
