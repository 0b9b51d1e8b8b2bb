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

/** The real processes on an empty cluster of their own, and how to look at them. */
export interface World {
  directory: string
  workforce: string
  tenant: string
  /** Identity headers of an HR administrator, as the edge makes them. */
  headers: Record<string, string>
  superuser: pg.Client
  logFile: string
  urlOf(database: string): string
  /** The connection that directory itself uses. */
  appUrl: string
  /** Process numbers. */
  pids: { postgres: number; directory: number; directoryWorker: number; workforce: number }
  stop(): Promise<void>
}

export async function startWorld(): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), 'staffmesh-bench-'))
  await chmod(dataDir, 0o711)
  const [port] = await freePorts(1)
  const system = await startSystem({
    dataDir,
    port: port!,
    // Statements are recorded with their values: nothing here is about a person.
    postgresSettings: { log_error_verbosity: 'default', log_parameter_max_length: -1 },
    // Lifecycle would make accounts for all who are imported, at the same time.
    services: services.filter(({ name }) => name !== 'lifecycle'),
  })
  const superuser = new pg.Client({ connectionString: system.superuserUrl })
  await superuser.connect()
  const tenant = randomUUIDv7()
  const { databases } = await keptSecrets(dataDir, [])
  const urlOf = (database: string) => {
    const url = new URL(system.superuserUrl)
    url.pathname = database
    return url
  }
  const appUrl = urlOf('directory')
  appUrl.username = rolesOf('directory').app
  appUrl.password = databases.directory!.app
  return {
    directory: system.addresses.directory!,
    workforce: system.addresses.workforce!,
    tenant,
    headers: {
      'content-type': 'application/json',
      [identityHeaders.tid]: tenant,
      [identityHeaders.sub]: randomUUIDv7(),
      [identityHeaders.azp]: 'bench',
      [identityHeaders.roles]: encodeRoles(['hr-admin:all']),
    },
    superuser,
    logFile: join(dataDir, 'postgres.log'),
    urlOf: (database) => urlOf(database).href,
    appUrl: appUrl.href,
    pids: {
      postgres: Number((await readFile(join(dataDir, 'cluster/postmaster.pid'), 'utf8')).split('\n')[0]),
      directory: childRunning(inService('directory', 'main.ts')),
      directoryWorker: childRunning(`${inService('directory', 'main.ts')} worker`),
      workforce: childRunning(inService('workforce', 'main.ts')),
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
