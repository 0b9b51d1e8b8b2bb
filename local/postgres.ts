import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, chown, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePorts } from './ports.ts'
import { postgresBinaries, type ServerUser, serverUser } from './postgres-binaries.ts'

export type PostgresOptions = {
  /** Used by one caller at a time: who calls holds a lock on it. */
  dataDir: string
  /** 0, the default, takes a free port. */
  port?: number
  settings?: Record<string, string | number | boolean>
  /** Delete the cluster once the server has stopped, even when the caller was killed. */
  ephemeral?: boolean
}

export type Postgres = {
  port: number
  superuserUrl: string
  logFile: string
  /** Resolves when the server has ended, for whatever reason. */
  exited: Promise<void>
  stop(): Promise<void>
}

/** For tests: a crash of the machine may lose everything, nothing is written twice. */
export const forgetful = { fsync: false, synchronous_commit: false, full_page_writes: false }

const defaults = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 200,
  shared_buffers: '64MB',
  // Fewer resident processes: nothing replicates from here, and reads come from the page cache.
  io_method: 'sync',
  max_logical_replication_workers: 0,
  max_wal_senders: 0,
  jit: false,
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Values in statements and in details of violated constraints are personal data.
  log_error_verbosity: 'terse',
  log_parameter_max_length: 0,
  log_parameter_max_length_on_error: 0,
  log_min_error_statement: 'panic',
}

// LC_ALL: no dependence on the locales of the machine; macOS refuses to start without one.
const environment = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }

const run = promisify(execFile)

/** A missing file is a state, any other error is one. */
function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null
  throw error
}

export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const dataDir = resolve(options.dataDir)
  const user = serverUser()
  await prepareDataDir(dataDir, user)
  const { postgres, initdb } = await postgresBinaries(user)
  const cluster = join(dataDir, 'cluster')
  const password = await superuserPassword(dataDir)
  await createCluster({ initdb, cluster, password, user })
  await endPredecessor(cluster)

  for (let attempt = 1; ; attempt++) {
    const port = options.port || (await freePorts(1))[0]!
    const settings = { ...defaults, ...options.settings, port }
    const server = await launch({ postgres, cluster, settings, user, ephemeral: options.ephemeral ?? false })
    if (await server.ready) {
      const superuserUrl = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
      return { port, superuserUrl, logFile: server.logFile, exited: server.exited, stop: server.stop }
    }
    const log = await tail(server.logFile)
    // Someone else may have taken the free port in the meantime.
    const portTaken = log.includes('could not create any TCP/IP sockets')
    if (portTaken && options.port) throw new Error(`Port ${port} is taken, PostgreSQL can't listen on it.`)
    if (!portTaken || attempt === 5)
      throw new Error(`PostgreSQL did not start. Its log (${server.logFile}):\n${log}`)
  }
}

async function prepareDataDir(dataDir: string, user: ServerUser): Promise<void> {
  await makeDataDir(dataDir, user)
  const owner = (await stat(join(dataDir, 'cluster')).catch(absent))?.uid
  const expected = user?.uid ?? process.getuid?.()
  if (owner !== undefined && owner !== expected) {
    throw new Error(
      `The data in ${dataDir} was created by another account (user number ${owner}, now it would be ` +
        `${expected}). Start as that account, or choose another --data-dir.`,
    )
  }
  const barrier = await barrierTo(dataDir, user)
  if (user && barrier) {
    throw new Error(
      `PostgreSQL does not run as root, it would run as the account ${user.name}, and that account may not ` +
        `enter ${barrier}. Choose a --data-dir outside of it, for example /var/lib/staffmesh, ` +
        `or allow the passage: chmod o+x ${barrier}`,
    )
  }
}

/** Creates a folder, and those above it, so that PostgreSQL's account gets through; files have their own modes. */
export async function makeDataDir(dataDir: string, user = serverUser()): Promise<void> {
  const first = await mkdir(dataDir, { recursive: true, mode: 0o700 })
  if (!first || !user) return
  for (let made = dataDir; made.startsWith(first); made = dirname(made)) await chmod(made, 0o711)
}

/** The first folder on the way to `path` that PostgreSQL's account may not enter, where there is one. */
export async function barrierTo(path: string, user = serverUser()): Promise<string | undefined> {
  if (!user) return undefined
  const way = path.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/') || '/')
  const check = 'for d; do test -e "$d" || exit 0; test -x "$d" || { echo "$d"; exit; }; done'
  const { stdout } = await run('/bin/sh', ['-c', check, 'sh', ...way], {
    cwd: '/',
    uid: user.uid,
    gid: user.gid,
  })
  return stdout.trim() || undefined
}

async function superuserPassword(dataDir: string): Promise<string> {
  const file = join(dataDir, 'superuser-password')
  const kept = await readFile(file, 'utf8').catch(absent)
  if (kept) return kept
  const password = randomBytes(24).toString('base64url')
  await writeFile(file, password, { mode: 0o600 })
  return password
}

async function createCluster({
  initdb,
  cluster,
  password,
  user,
}: {
  initdb: string
  cluster: string
  password: string
  user: ServerUser
}) {
  if (await stat(cluster).catch(absent)) return
  // Created aside and renamed, so that an interrupted initdb leaves nothing that looks like a cluster.
  const unfinished = `${cluster}.new`
  const pwfile = `${unfinished}.pw`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { mode: 0o700 })
  await writeFile(pwfile, password, { mode: 0o600 })
  if (user) for (const path of [unfinished, pwfile]) await chown(path, user.uid, user.gid)
  try {
    const args = [
      `--pgdata=${unfinished}`,
      '--username=postgres',
      `--pwfile=${pwfile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      // Over C.UTF-8: full case mapping (ß, İ, ﬁ), which a search that folds case needs. Both sort by code point.
      '--builtin-locale=PG_UNICODE_FAST',
      '--no-sync',
      '--no-instructions',
    ]
    await run(initdb, args, { cwd: '/', env: environment, ...(user && { uid: user.uid, gid: user.gid }) })
  } catch (error) {
    throw new Error(
      `PostgreSQL could not create its files in ${cluster}: ${(error as { stderr?: string }).stderr || error}`,
    )
  } finally {
    await rm(pwfile, { force: true })
  }
  await rename(unfinished, cluster)
}

/**
 * A server that still runs here lost its caller a moment ago and is shutting down, or its guardian was
 * killed with it. A process number that now belongs to a stranger would make PostgreSQL refuse to start.
 */
async function endPredecessor(cluster: string): Promise<void> {
  const pidFile = join(cluster, 'postmaster.pid')
  const pid = Number((await readFile(pidFile, 'utf8').catch(() => '')).split('\n')[0])
  if (!pid || !isAlive(pid)) return
  const isOurs = async () => isAlive(pid) && (await commandLine(pid)).includes(cluster)
  if (!(await isOurs())) return rm(pidFile, { force: true })
  const started = Date.now()
  signal(pid, 'SIGINT')
  while (await isOurs()) {
    const waited = Date.now() - started
    if (waited > 20_000) signal(pid, 'SIGQUIT')
    if (waited > 30_000) throw new Error(`An earlier PostgreSQL (process ${pid}) in ${cluster} does not end.`)
    await sleep(20)
  }
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has just ended.
  }
}

export async function commandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return run('ps', ['-ww', '-o', 'args=', '-p', String(pid)]).then(
    ({ stdout }) => stdout,
    () => '',
  )
}

/**
 * The guardian: PostgreSQL's parent is this shell, and the caller holds the other end of its standard
 * input. When the caller ends, however it ends, the pipe closes and the server shuts down in order.
 * A shell is resident with 1 MB where a second Node would take 40.
 */
const guardian = `
cluster=$1 ephemeral=$2
shift 2
exec 3<&0 </dev/null
"$@" 3<&- & server=$!
{ read -r _ <&3; kill -INT "$server"; } & watch=$!
wait "$server"
status=$?
kill "$watch" 2>/dev/null
if [ "$ephemeral" = true ]; then rm -rf "$cluster"; fi
exit "$status"
`

type Launch = {
  postgres: string
  cluster: string
  settings: Record<string, string | number | boolean>
  user: ServerUser
  ephemeral: boolean
}

async function launch({ postgres, cluster, settings, user, ephemeral }: Launch) {
  const logFile = join(dirname(cluster), 'postgres.log')
  const before = await serverState(cluster)
  const log = await open(logFile, 'w', 0o600)
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const shell = spawn(
    '/bin/sh',
    ['-c', guardian, 'staffmesh-postgres', cluster, String(ephemeral), postgres, '-D', cluster, ...args],
    {
      stdio: ['pipe', log.fd, log.fd],
      // A session of its own: Ctrl-C in the terminal must not reach the server before its clients ended.
      detached: true,
      cwd: '/',
      env: environment,
      ...(user && { uid: user.uid, gid: user.gid }),
    },
  )
  const exited = once(shell, 'exit').then(() => log.close())
  shell.stdin!.on('error', () => {})
  return {
    logFile,
    exited,
    ready: untilReady(cluster, before.identity, shell),
    async stop() {
      shell.stdin!.end()
      const patience = setTimeout(async () => {
        const { pid } = await serverState(cluster)
        if (pid) signal(pid, 'SIGQUIT')
      }, 15_000)
      await exited
      clearTimeout(patience)
    },
  }
}

async function untilReady(cluster: string, before: string, shell: ChildProcess): Promise<boolean> {
  while (shell.exitCode === null && shell.signalCode === null) {
    const { identity, status } = await serverState(cluster)
    if (identity !== before && status === 'ready') return true
    await sleep(5)
  }
  return false
}

/** What the server says of itself in postmaster.pid: process, start time, and in the last line its status. */
async function serverState(cluster: string): Promise<{ pid: number; identity: string; status: string }> {
  const lines = (await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
  return { pid: Number(lines[0]), identity: `${lines[0]} ${lines[2]}`, status: lines[7]?.trim() ?? '' }
}

async function tail(file: string, lines = 20): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}
