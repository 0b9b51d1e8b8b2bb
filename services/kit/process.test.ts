import { spawn } from 'node:child_process'
import { randomUUID, randomUUIDv7 } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createCounterApp, migrations } from './fixtures/counter/app.ts'
import { callerHeaders, post, type TestDatabase, testCall, testDatabase, until } from './testing.ts'

let db: TestDatabase
let id: string
const tenant = randomUUIDv7()
beforeAll(async () => {
  db = await testDatabase({ service: 'counter', migrations })
  const created = await post(createCounterApp(db.database), 'createCounter', { name: 'loaded' }, { tenant })
  id = (created.body as { id: string }).id
})
afterAll(() => db.close())
const running = new Set<() => Promise<void>>()
afterEach(async () => {
  for (const kill of running) await kill()
  running.clear()
})

const main = fileURLToPath(new URL('./fixtures/counter/main.ts', import.meta.url))

/** The fixture as a process of its own, once it listens. */
async function start(mode: 'serve' | 'worker', env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [main, mode], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      IDENTITY_HEADERS: 'loopback',
      DATABASE_URL: db.urls.app,
      QUEUE_DATABASE_URL: db.urls.worker,
      ...env,
    },
  })
  const exit = once(child, 'exit').then(([code]) => code as number | null)
  running.add(async () => {
    child.kill('SIGKILL')
    await exit
  })
  const lines: Record<string, unknown>[] = []
  createInterface(child.stdout).on('line', (line) => lines.push(JSON.parse(line)))
  await until(() => lines.some((line) => line.port), 30_000)
  return { child, exit, lines, port: lines.find((line) => line.port)!.port as number }
}

/** What a proxy does: connections are kept, but not those that the server wants to close. */
function send(
  port: number,
  path: string,
  body?: object,
  agent?: Agent,
): Promise<{ status: number; head: IncomingMessage['headers'] }> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
      ...callerHeaders({ tenant }),
    }
    const method = body ? 'POST' : 'GET'
    const sent = request(
      { port, host: '127.0.0.1', path, method, headers, ...(agent ? { agent } : {}) },
      (response) => {
        response.resume().on('end', () => resolve({ status: response.statusCode!, head: response.headers }))
      },
    )
    sent.on('error', reject)
    sent.end(body && JSON.stringify(body))
  })
}

const sleeping = async () =>
  (
    await db.sudo(
      `select 1 from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%'
       and state = 'active'`,
    )
  ).length
const notes = async (counter: string) =>
  (await db.sudo<{ state: string }>('select state from note where counter = $1 order by id', [counter])).map(
    (row) => row.state,
  )
const enqueue = (counter: string, ms: number) =>
  db.database.write(testCall(tenant), async (tx) =>
    tx.enqueue({ task: 'noted', payload: { id: counter, ms } }),
  )

describe('a server that is told to stop', () => {
  it('fails no request of a client that heeds readiness, finishes the open ones and leaves nothing', async () => {
    const server = await start('serve', { DRAIN_PAUSE_MS: '400' })
    const agent = new Agent({ keepAlive: true, maxSockets: 20 })
    let ready = true
    const answers: number[] = []
    const watch = (async () => {
      while (ready) {
        ready = (await send(server.port, '/readyz')).status === 200
        await sleep(20)
      }
    })()
    const load = Array.from({ length: 10 }, async (_, number) => {
      while (ready)
        answers.push(
          (await send(server.port, '/increment', { id, by: 1, sleep: number === 0 ? 1 : 0 }, agent)).status,
        )
    })
    await until(() => answers.length > 20)
    server.child.kill('SIGTERM')
    await Promise.all([watch, ...load])
    const code = await server.exit
    agent.destroy()

    expect(answers.filter((status) => status !== 200)).toEqual([])
    expect(code).toBe(0)
    const [stored] = await db.sudo<{ value: number }>(
      'select value::int as value from counter where id = $1',
      [id],
    )
    expect(stored!.value).toBe(answers.length)
    expect(server.lines.filter((line) => line.msg === 'request' && line.status === 200)).toHaveLength(
      answers.length,
    )
  }, 60_000)

  it('says so before it stops listening, and lets no connection linger', async () => {
    const server = await start('serve', { DRAIN_PAUSE_MS: '1500' })
    const agent = new Agent({ keepAlive: true })
    const before = await send(server.port, '/getCounter', { id }, agent)
    expect(before.head.connection).toBe('keep-alive')
    // less than the pause in a cluster, so that a client has closed what it does not use before we do
    expect(before.head['keep-alive']).toBe('timeout=4')
    const open = send(server.port, '/increment', { id, by: 1, sleep: 2 }, agent)
    await until(async () => (await sleeping()) > 0)
    server.child.kill('SIGTERM')
    await until(async () => (await send(server.port, '/readyz')).status === 503)
    expect((await send(server.port, '/livez')).status).toBe(200)
    const during = await send(server.port, '/getCounter', { id }, agent)
    expect(during).toMatchObject({ status: 200, head: { connection: 'close' } })
    expect(await open).toMatchObject({ status: 200, head: { connection: 'close' } })
    expect(await server.exit).toBe(0)
    await expect(send(server.port, '/livez')).rejects.toThrow('ECONNREFUSED')
  }, 60_000)

  it('goes on answering who has not heard of it yet', async () => {
    const server = await start('serve', { DRAIN_PAUSE_MS: '1000' })
    server.child.kill('SIGTERM')
    const told = performance.now()
    // A proxy that is told late asks for longer than the pause.
    while (performance.now() - told < 1800)
      expect(await send(server.port, '/getCounter', { id })).toMatchObject({ status: 200 })
    expect(await server.exit).toBe(0)
    await expect(send(server.port, '/livez')).rejects.toThrow('ECONNREFUSED')
  }, 60_000)

  it('ends though somebody asks it again and again', async () => {
    const server = await start('serve', { DRAIN_PAUSE_MS: '300' })
    server.child.kill('SIGTERM')
    let refused = false
    while (!refused)
      refused = await send(server.port, '/getCounter', { id }).then(
        () => false,
        () => true,
      )
    expect(await server.exit).toBe(0)
  }, 60_000)

  it('closes no connection that a proxy keeps', async () => {
    const server = await start('serve')
    const socket = connect(server.port, '127.0.0.1')
    let heard = ''
    socket.setEncoding('latin1').on('data', (data) => {
      heard += data
    })
    const answers = () => heard.split('HTTP/1.1 200').length - 1
    socket.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n')
    await until(async () => answers() === 1)
    // Longer than clients are told, with what Node adds by itself.
    await sleep(6000)
    socket.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n')
    await until(async () => answers() === 2)
    socket.destroy()
    server.child.kill('SIGTERM')
    await server.exit
  }, 60_000)

  it('ends the same way after an error that nobody handled, with a status that tells', async () => {
    const server = await start('serve', { DRAIN_PAUSE_MS: '300' })
    const open = send(server.port, '/increment', { id, by: 1, sleep: 0.5 })
    await until(async () => (await sleeping()) > 0)
    server.child.kill('SIGUSR2')
    expect(await open).toMatchObject({ status: 200 })
    expect(await server.exit).toBe(1)
    expect(server.lines.find((line) => line.level === 'fatal')).toMatchObject({
      msg: 'unhandledRejection',
      err: { type: 'Error', message: 'nobody handles this' },
    })
  }, 60_000)

  it('sends what telemetry it still has', async () => {
    const received: string[] = []
    const collector = createServer((message, response) => {
      let body = ''
      message.setEncoding('utf8').on('data', (part) => {
        body += part
      })
      message.on('end', () => {
        received.push(`${message.url} ${body}`)
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
      })
    })
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
    const server = await start('serve', {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    })
    await send(server.port, '/getCounter', { id })
    server.child.kill('SIGTERM')
    expect(await server.exit).toBe(0)
    collector.close()
    const sent = (path: string) => received.filter((entry) => entry.startsWith(path)).join()
    expect(sent('/v1/traces')).toContain('POST /getCounter')
    expect(sent('/v1/metrics')).toContain('http.server.request.duration')
    expect(sent('/v1/logs')).toContain('staffmesh.operation')
  }, 60_000)

  it('serves and stops as ever when nobody reads its log any more', async () => {
    const server = await start('serve')
    server.child.stdout.destroy()
    for (let i = 0; i < 3; i++) {
      expect(await send(server.port, '/getCounter', { id })).toMatchObject({ status: 200 })
      // longer than lines are gathered for
      await sleep(150)
    }
    server.child.kill('SIGTERM')
    expect(await server.exit).toBe(0)
  }, 60_000)

  it('stops with its launcher', async () => {
    const server = await start('serve', { EXIT_WITH_PARENT: '1' })
    server.child.stdin.end()
    expect(await server.exit).toBe(0)
  }, 60_000)
})

describe('a worker', () => {
  it('finishes its job before it stops', async () => {
    const counter = randomUUIDv7()
    const worker = await start('worker')
    await enqueue(counter, 1500)
    await until(async () => (await notes(counter)).length === 1)
    worker.child.kill('SIGTERM')
    expect(await worker.exit).toBe(0)
    expect(await notes(counter)).toEqual(['begun', 'done'])
  }, 60_000)

  it('stops a job at the end of its grace and gives it back', async () => {
    const counter = randomUUIDv7()
    const worker = await start('worker', { SHUTDOWN_GRACE_MS: '6000' })
    await enqueue(counter, 60_000)
    await until(async () => (await notes(counter)).length === 1)
    worker.child.kill('SIGTERM')
    expect(await worker.exit).toBe(0)
    expect(await notes(counter)).toEqual(['begun', 'stopped'])
    const jobs = await db.sudo(
      `select locked_by, attempts from graphile_worker._private_jobs where payload->>'id' = $1`,
      [counter],
    )
    expect(jobs).toEqual([{ locked_by: null, attempts: 1 }])
  }, 60_000)

  it('that was killed leaves its job to another one', async () => {
    const counter = randomUUIDv7()
    const doomed = await start('worker')
    // Longer than the other worker takes to look for jobs of the dead.
    await enqueue(counter, 5000)
    await until(async () => (await notes(counter)).length === 1)
    const other = await start('worker')
    // Held by a worker that lives: nobody else may run it.
    await until(async () => (await notes(counter)).includes('done'), 20_000)
    expect(await notes(counter)).toEqual(['begun', 'done'])

    const second = randomUUIDv7()
    await enqueue(second, 2500)
    await until(async () => (await notes(second)).length === 1)
    const [job] = await db.sudo<{ holder: string }>(
      `select locked_by as holder from graphile_worker._private_jobs where payload->>'id' = $1`,
      [second],
    )
    expect(job!.holder).toMatch(/^pool-/)
    for (const worker of [doomed, other]) worker.child.kill('SIGKILL')
    const heir = await start('worker')
    await until(async () => (await notes(second)).length === 2, 30_000)
    heir.child.kill('SIGTERM')
    await heir.exit
    expect(await notes(second)).toEqual(['begun', 'begun', 'done'])
  }, 90_000)

  it('goes on, and holds its jobs, after all its connections broke', async () => {
    const [before, after] = [randomUUIDv7(), randomUUIDv7()]
    const worker = await start('worker')
    await enqueue(before, 0)
    await until(async () => (await notes(before)).includes('done'))
    await db.sudo(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity
       where datname = current_database() and usename in ('counter', 'counter_worker')`,
    )
    await until(() =>
      enqueue(after, 0).then(
        () => true,
        () => false,
      ),
    )
    await until(async () => (await notes(after)).includes('done'), 20_000)
    await until(
      async () =>
        (await db.sudo(`select 1 from pg_locks where locktype = 'advisory' and granted`)).length > 0,
    )
    worker.child.kill('SIGTERM')
    expect(await worker.exit).toBe(0)
  }, 60_000)

  it('never sees the job of a command that was rolled back', async () => {
    const counter = randomUUIDv7()
    const refused = db.database.write(testCall(tenant), async (tx) => {
      tx.enqueue({ task: 'noted', payload: { id: counter } })
      await tx.flush()
      throw new Error('refused')
    })
    await expect(refused).rejects.toThrow('refused')
    expect(
      await db.sudo(`select 1 from graphile_worker._private_jobs where payload->>'id' = $1`, [counter]),
    ).toEqual([])
  })
})

it('refuses to start where nobody vouches for the identity headers', async () => {
  const child = spawn(process.execPath, [main], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH },
  })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    told += text
  })
  const [code] = await once(child, 'exit')
  expect(code).toBe(1)
  expect(told).toContain('IDENTITY_HEADERS must say who vouches for the identity headers: mesh or loopback')
}, 30_000)
