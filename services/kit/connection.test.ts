import { randomUUID, randomUUIDv7 } from 'node:crypto'
import { request } from 'node:http'
import { connect } from 'node:net'
import type { HttpBindings } from '@hono/node-server'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Database } from './database.ts'
import { constraints, createCounterApp, migrations } from './fixtures/counter/app.ts'
import { createTallyApp } from './fixtures/tally/app.ts'
import { callerHeaders, post, serveApp, type TestDatabase, testCall, testDatabase, until } from './testing.ts'

let db: TestDatabase
let app: ReturnType<typeof createCounterApp>
beforeAll(async () => {
  db = await testDatabase({ service: 'counter', migrations, constraints, pool: 4 })
  app = createCounterApp(db.database)
})
afterAll(() => db.close())
const clean: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const step of clean.splice(0).reverse()) await step()
})
async function serve(served: Parameters<typeof serveApp>[0]): Promise<string> {
  const { url, close } = await serveApp(served)
  clean.push(close)
  return url
}

const tenant = randomUUIDv7()
const headers = { 'content-type': 'application/json', ...callerHeaders({ tenant }) }
const create = async () =>
  ((await post(app, 'createCounter', { name: randomUUIDv7() }, { tenant })).body as { id: string }).id
const value = async (id: string) =>
  (await db.sudo<{ value: number }>('select value::int as value from counter where id = $1', [id]))[0]!.value
const sleeping = async () =>
  (
    await db.sudo(
      `select 1 from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%'
       and state = 'active'`,
    )
  ).length

describe('a caller that hangs up', () => {
  it('ends its SQL, two hops away, and changes nothing', async () => {
    const tally = await serve(createTallyApp(await serve(app)))
    const id = await create()
    const hangUp = new AbortController()
    const answer = fetch(`${tally}/v1/tallies/${id}?sleep=15`, { headers, signal: hangUp.signal })
    await until(async () => (await sleeping()) === 1)
    const began = Date.now()
    hangUp.abort()
    await expect(answer).rejects.toThrow()
    await until(async () => (await sleeping()) === 0)
    expect(Date.now() - began).toBeLessThan(5000)
  })

  it('between two statements lets the next one not begin', async () => {
    const hangUp = new AbortController()
    const call = testCall(tenant, { signal: hangUp.signal })
    const began = Date.now()
    const left = db.database.read(call, async (tx) => {
      await tx.query('select 1')
      hangUp.abort()
      await tx.query('select pg_sleep(14)')
    })
    await expect(left).rejects.toMatchObject({ code: 'deadline-exceeded' })
    expect(Date.now() - began).toBeLessThan(5000)
  })

  it('leaves connections that serve the next calls unharmed', async () => {
    const url = await serve(app)
    const id = await create()
    const many = Array.from({ length: 40 }, async (_, number) => {
      const signal = number % 2 ? AbortSignal.timeout(number * 3) : null
      const response = await fetch(`${url}/getCounter`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ id, sleep: number % 2 ? 0.05 : 0 }),
        signal,
      }).catch(() => undefined)
      return number % 2 ? 200 : response?.status
    })
    expect(new Set(await Promise.all(many))).toEqual(new Set([200]))
    expect(db.database.pool.totalCount).toBeLessThanOrEqual(4)
  })
})

describe('the deadline', () => {
  it('becomes the statement_timeout, which shrinks as time passes', async () => {
    const call = testCall(tenant, { deadline: Date.now() + 9000 })
    const timeouts = await db.database.read(call, async (tx) => {
      const read = async () =>
        (
          await tx.query<{ ms: number }>(
            `select extract(milliseconds from current_setting('statement_timeout')::interval)::int as ms`,
          )
        )[0]!.ms
      const first = await read()
      await tx.query('select pg_sleep(0.2)')
      return [first, await read()] as const
    })
    expect(timeouts[0]).toBeGreaterThan(0)
    expect(timeouts[0]).toBeLessThanOrEqual(9000)
    expect(timeouts[1]).toBeLessThanOrEqual(timeouts[0] - 200)
  })

  it('is one for both hops', async () => {
    const tally = createTallyApp(await serve(app))
    const id = await create()
    const began = Date.now()
    const response = await tally.request(`/v1/tallies/${id}?sleep=15`, {
      headers: { ...headers, 'x-staffmesh-deadline': String(began + 300) },
    })
    expect(response.status).toBe(504)
    expect(Date.now() - began).toBeLessThan(3000)
    await until(async () => (await sleeping()) === 0)
  })

  it('bounds the wait for a connection', async () => {
    const small = new Database({ url: db.urls.app, pool: 1 })
    clean.push(() => small.close())
    const busy = small.read(testCall(tenant), (tx) => tx.query('select pg_sleep(1)'))
    const waiting = small.read(
      testCall(tenant, { deadline: Date.now() + 100, signal: AbortSignal.timeout(100) }),
      (tx) => tx.query('select 1'),
    )
    await expect(waiting).rejects.toMatchObject({ code: 'deadline-exceeded' })
    await busy
    // The connection that came too late went back to the pool.
    expect(await small.read(testCall(tenant), (tx) => tx.query('select 1 as n'))).toEqual([{ n: 1 }])
  })
})

describe('a command whose answer was lost after the commit', () => {
  /** Serves the app, but breaks the connection instead of sending the first answers. */
  const losing = (losses: number) => ({
    lost: 0,
    async fetch(message: Request, env: HttpBindings) {
      const response = await app.fetch(message, env)
      if (this.lost < losses) {
        this.lost++
        env.outgoing.socket?.destroy()
      }
      return response
    },
  })
  const server = async (losses: number) => {
    const served = losing(losses)
    return serve({ fetch: (message, env) => served.fetch(message, env as HttpBindings) })
  }

  it('gives the same answer and has one effect when it is sent again with its key', async () => {
    const url = await server(1)
    const id = await create()
    const send = () =>
      fetch(`${url}/increment`, {
        method: 'POST',
        headers: { ...headers, 'idempotency-key': key },
        body: JSON.stringify({ id, by: 5 }),
      })
    const key = randomUUID()
    await expect(send()).rejects.toThrow()
    await until(async () => (await value(id)) === 5)
    const again = await send()
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    const text = await again.text()
    expect(JSON.parse(text)).toMatchObject({ value: 5, version: 2 })
    expect(await (await send()).text()).toBe(text)
    expect(await value(id)).toBe(5)
    expect(await db.sudo('select 1 from event where aggregate_id = $1', [id])).toHaveLength(2)
    expect(await db.sudo('select 1 from audit where object_id = $1', [id])).toHaveLength(2)
  })

  it('is finished by a retry of the whole request over two services, each step once', async () => {
    const tally = createTallyApp(await server(2))
    const id = await create()
    const send = (key: string) =>
      tally.request(`/v1/tallies/${id}/raises`, {
        method: 'POST',
        headers: { ...headers, 'idempotency-key': key },
        body: JSON.stringify({ by: 1 }),
      })
    // The answer of the first step is lost, then that of its retry.
    for (let attempt = 1; attempt <= 2; attempt++) expect((await send('mine')).status).toBe(503)
    const third = await send('mine')
    expect(await third.json()).toMatchObject({ total: 2 })
    expect(await value(id)).toBe(2)
    expect(await (await send('mine')).json()).toMatchObject({ total: 2 })
    expect(await (await send('other')).json()).toMatchObject({ total: 4 })
  })
})

describe('a broken database connection', () => {
  it('is answered with 503, ends no process, and a retry with the key has one effect', async () => {
    const id = await create()
    const key = { 'idempotency-key': randomUUID() }
    const running = post(app, 'increment', { id, by: 1, sleep: 10 }, { tenant }, key)
    await until(async () => (await sleeping()) === 1)
    await db.sudo(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where usename = 'counter' and datname = current_database()`,
    )
    expect(await running).toMatchObject({ status: 503 })
    expect(await value(id)).toBe(0)
    // As a proxy does: other connections of the pool may turn out to be broken only now.
    await until(async () => {
      const retry = await post(app, 'increment', { id, by: 1, sleep: 0.1 }, { tenant }, key)
      return retry.status === 200
    })
    expect(await value(id)).toBe(1)
  })
})

describe('a transaction that has ended', () => {
  it('takes no further statement, which would run in the transaction of the next', async () => {
    let late: Promise<unknown> | undefined
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    const failing = db.database.read(testCall(tenant), async (tx) => {
      late = ended.then(() => tx.query('select 1'))
      throw new Error('refused')
    })
    await expect(failing).rejects.toThrow('refused')
    end()
    await expect(late).rejects.toThrow('The transaction has ended')
  })
})

describe('the size of a body', () => {
  const limited = () => serve(createCounterApp(db.database, { maxBody: 2000 }))
  const body = (size: number) => JSON.stringify({ name: 'x'.repeat(size) })

  it.each([
    ['its declared length', 10_000_000],
    ['its declared length, just above', 2000],
  ])('is refused by %s', async (_, size) => {
    const response = await fetch(`${await limited()}/createCounter`, {
      method: 'POST',
      headers: { ...headers, 'idempotency-key': 'k' },
      body: body(size),
    })
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ type: 'https://staffmesh.dev/problems/body-too-large' })
  })

  it('is refused while it comes, where no length is declared', async () => {
    const url = new URL(`${await limited()}/createCounter`)
    let written = 0
    const answer = new Promise<number>((resolve, reject) => {
      const sent = request(
        url,
        { method: 'POST', headers: { ...headers, 'idempotency-key': 'k' } },
        (response) => {
          resolve(response.statusCode!)
          sent.destroy()
        },
      )
      sent.on('error', reject)
      sent.write('{"name":"')
      // Without an end: the answer can't have waited for it.
      sent.write('x'.repeat(5000), () => {
        written += 5000
      })
    })
    expect(await answer).toBe(413)
    expect(written).toBe(5000)
  })

  it('is as large as it may be', async () => {
    const response = await fetch(`${await limited()}/createCounter`, {
      method: 'POST',
      headers: { ...headers, 'idempotency-key': 'k' },
      body: `{"name":"full"${' '.repeat(1985)}}`,
    })
    expect(response.status).toBe(200)
  })
})

it('a caller that stops in the middle of its body is answered at the deadline', async () => {
  const url = new URL(`${await serve(app)}/createCounter`)
  const began = Date.now()
  const late = { ...headers, 'idempotency-key': 'k', 'x-staffmesh-deadline': String(began + 300) }
  for (const length of [{ 'content-length': '100' }, {}]) {
    const status = new Promise<number>((resolve, reject) => {
      const sent = request(url, { method: 'POST', headers: { ...late, ...length } }, (response) => {
        resolve(response.statusCode!)
        sent.destroy()
      })
      sent.on('error', reject)
      sent.write('{"name":')
    })
    expect(await status).toBe(504)
  }
  expect(Date.now() - began).toBeLessThan(5000)
})

it('a request that is cut off in its body reaches no handler', async () => {
  const url = new URL(await serve(app))
  const name = randomUUIDv7()
  const socket = connect(Number(url.port), url.hostname)
  const fields = Object.entries({ ...headers, 'idempotency-key': 'cut', 'content-length': '100' })
  socket.write(
    `POST /createCounter HTTP/1.1\r\nhost: x\r\n${fields.map((field) => field.join(': ')).join('\r\n')}\r\n\r\n{"name":"${name}"}`,
    () => socket.destroy(),
  )
  await new Promise((resolve) => socket.on('close', resolve))
  // The server is still there, and nothing was made.
  expect(
    (await fetch(`${url.origin}/getCounter`, { method: 'POST', headers, body: `{"id":"${tenant}"}` })).status,
  ).toBe(404)
  expect(await db.sudo('select 1 from counter where name = $1', [name])).toEqual([])
})
