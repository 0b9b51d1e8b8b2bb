import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { barrierTo, makeDataDir } from './postgres.ts'
import { isRunning, until } from './test-process.ts'

const asRoot = process.getuid?.() === 0
/** A system account that exists everywhere, for root to try out being a normal user. */
const daemon = { uid: 1, gid: 1 }
const daemonCanRun =
  asRoot && spawnSync(process.execPath, ['--check', fileURLToPath(import.meta.url)], daemon).status === 0
let dir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'staffmesh-postgres-'))
  await chmod(dir, 0o711)
})
afterAll(() => rm(dir, { recursive: true, force: true }))

async function rows(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

type Caller = { process: ChildProcess; answer: Promise<{ url?: string; pid?: number; error?: string }> }

/** A process that starts PostgreSQL and stays. */
function caller(dataDir: string, account?: { uid: number; gid: number }): Caller {
  const program = `
    import { readFileSync } from 'node:fs'
    import { forgetful, startPostgres } from ${JSON.stringify(fileURLToPath(new URL('./postgres.ts', import.meta.url)))}
    const say = (answer) => console.log(JSON.stringify(answer))
    try {
      const { superuserUrl: url } = await startPostgres({ dataDir: ${JSON.stringify(dataDir)}, settings: forgetful })
      say({ url, pid: process.pid })
    } catch (error) {
      say({ error: error.message })
    }
    setInterval(() => {}, 60_000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...account,
    env: { PATH: process.env.PATH },
  })
  const answer = once(createInterface(child.stdout!), 'line').then(([line]) => JSON.parse(line as string))
  return { process: child, answer }
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

const postmaster = async (dataDir: string) =>
  Number((await readFile(join(dataDir, 'cluster/postmaster.pid'), 'utf8')).split('\n')[0])

describe('the server', () => {
  test('compares and folds names by a built-in Unicode locale, on any machine', async () => {
    const sql = `select datlocprovider, datlocale, pg_encoding_to_char(encoding) as encoding,
      casefold('STRASSE') = casefold('Straße') as folds from pg_database where datname = 'postgres'`
    expect(await rows(inject('postgres'), sql)).toEqual([
      { datlocprovider: 'b', datlocale: 'PG_UNICODE_FAST', encoding: 'UTF8', folds: true },
    ])
  })

  test('asks for its generated password', async () => {
    const url = new URL(inject('postgres'))
    expect(url.password.length).toBeGreaterThan(30)
    url.password = 'postgres'
    await expect(rows(url.href, 'select 1')).rejects.toThrow('password authentication failed')
  })

  test('listens on the loopback address only', async () => {
    const names = `('listen_addresses', 'unix_socket_directories')`
    const sql = `select setting from pg_settings where name in ${names} order by name`
    expect(await rows(inject('postgres'), sql)).toEqual([{ setting: '127.0.0.1' }, { setting: '' }])
  })
})

test('ends when its caller is killed, and starts again with its data', async () => {
  const dataDir = join(dir, 'killed')
  const first = caller(dataDir)
  const { url } = await first.answer
  await rows(url!, 'create table kept as select 1 as n')
  expect((await stat(join(dataDir, 'superuser-password'))).mode & 0o777).toBe(0o600)
  const pid = await postmaster(dataDir)

  await kill(first.process)
  // At once: the start waits for the server that is still shutting down.
  const second = caller(dataDir)
  expect(await rows((await second.answer).url!, 'select n from kept')).toEqual([{ n: 1 }])
  expect(isRunning(pid)).toBe(false)

  const again = await postmaster(dataDir)
  await kill(second.process)
  await until(() => !isRunning(again))
})

test.runIf(asRoot)(
  'a directory that the unprivileged account may not enter is refused with the remedy',
  async () => {
    const closed = await mkdtemp(join(dir, 'closed-'))
    const refused = caller(join(closed, 'data'))
    expect((await refused.answer).error).toContain(
      `may not enter ${closed}. Choose a --data-dir outside of it`,
    )
    await kill(refused.process)
  },
)

test.runIf(asRoot)('folders that are made for it can be passed by the unprivileged account', async () => {
  await makeDataDir(join(dir, 'made/below'))
  expect(await barrierTo(join(dir, 'made/below'))).toBeUndefined()
  expect((await stat(join(dir, 'made'))).mode & 0o777).toBe(0o711)
})

test.runIf(daemonCanRun)('runs for a normal user', async () => {
  const home = await mkdtemp(join(tmpdir(), 'staffmesh-user-'))
  await chown(home, daemon.uid, daemon.gid)
  const user = caller(home, daemon)
  const { url } = await user.answer
  expect(await rows(url!, 'select current_user as name')).toEqual([{ name: 'postgres' }])
  const pid = await postmaster(home)
  expect((await stat(`/proc/${pid}`).catch(() => null))?.uid).toBe(daemon.uid)
  await kill(user.process)
  await until(() => !isRunning(pid))
  await rm(home, { recursive: true })
})
