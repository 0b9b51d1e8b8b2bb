import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUIDv7 } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { backgroundCall } from './call.ts'
import { Database } from './database.ts'
import { type FeedEvent, follow, serveFeed } from './events.ts'
import { constraints, createCounterApp, migrations } from './fixtures/counter/app.ts'
import { DomainError } from './problem.ts'
import { post, type TestDatabase, testDatabase, until } from './testing.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase({ service: 'counter', migrations, constraints })
})
afterAll(() => db.close())
const clean: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const step of clean.splice(0).reverse()) await step()
})

const tenant = randomUUIDv7()
const call = () => backgroundCall({ service: 'test', operation: 'read' })
const page = (after?: string, { limit = 1000, wait = 0 } = {}, database = db.database) =>
  serveFeed(database)({ after, limit, wait }, call())
const create = async (name: string = randomUUIDv7(), database = db.database) => {
  const { body } = await post(createCounterApp(database), 'createCounter', { name }, { tenant })
  return (body as { id: string }).id
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  clean.push(() => client.end())
  return client
}

const emit = (client: pg.Client, aggregate: string) =>
  client.query(
    `insert into event (id, tenant, kind, aggregate_id, version, changed) values ($1, $2, 'noted', $3, 1, '')`,
    [randomUUIDv7(), tenant, aggregate],
  )

describe('the feed', () => {
  it('does not skip a slow transaction that began earlier', async () => {
    const { cursor: start } = await page()
    const slow = await connect(db.urls.app)
    await slow.query('begin')
    await emit(slow, 'slow')
    const fast = await create()
    const first = await page(start)
    expect(first.events.map((event) => event.aggregateId)).toEqual([fast])
    await slow.query('commit')
    const second = await page(first.cursor)
    expect(second.events.map((event) => event.aggregateId)).toEqual(['slow'])
    expect((await page(start)).events).toEqual([...first.events, ...second.events])
  })

  it.each([
    [
      'the trace that wrote them',
      '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    ],
    ['no words in its place', 'Ana', undefined],
  ])('tells of its events %s', async (_, traceparent, told) => {
    const { cursor: start } = await page()
    await post(
      createCounterApp(db.database),
      'createCounter',
      { name: randomUUIDv7() },
      { tenant },
      { traceparent },
    )
    const { events } = await page(start)
    expect(events.map((event) => event.traceparent)).toEqual([told])
  })

  it('is not stalled by a transaction that is open in another database, nor in its own', async () => {
    const { cursor: start } = await page()
    for (const url of [inject('postgres'), db.urls.superuser]) {
      const idler = await connect(url)
      await idler.query('begin; create temp table held (); select txid_current()')
    }
    const id = await create()
    expect((await page(start)).events.map((event) => event.aggregateId)).toEqual([id])
  })

  it('has the events of one aggregate in the order of its versions, whatever the clocks of replicas say', async () => {
    const { cursor: start } = await page()
    const aggregate = randomUUIDv7()
    for (const [version, clock] of [
      [1, '0fffffff-ffff-7000-8000-000000000000'],
      [2, '01000000-0000-7000-8000-000000000000'],
    ])
      await db.sudo(
        `insert into event (id, tenant, kind, aggregate_id, version, changed) values ($1, $2, 'noted', $3, $4, '')`,
        [clock, tenant, aggregate, version],
      )
    expect((await page(start)).events.map((event) => event.version)).toEqual([1, 2])
  })

  it('answers a waiting reader as soon as there is an event', async () => {
    const { cursor: start } = await page()
    const waiting = page(start, { wait: 20 })
    const began = Date.now()
    const id = await create()
    expect((await waiting).events.map((event) => event.aggregateId)).toEqual([id])
    expect(Date.now() - began).toBeLessThan(5000)
  })

  it('shows all readers of all replicas one order, without gaps or doubles, while many write', async () => {
    const { cursor: start } = await page()
    const replicas = [0, 1, 2].map(() => new Database({ url: db.urls.app, pool: 6, constraints }))
    clean.push(() => Promise.all(replicas.map((replica) => replica.close())))
    let writing = true
    const writers = replicas.flatMap((replica) =>
      [0, 1].map(async () => {
        const app = createCounterApp(replica)
        const id = await create(undefined, replica)
        // Some commands dawdle, so that transactions commit in another order than they began.
        for (let i = 0; i < 12; i++)
          await post(app, 'increment', { id, by: 1, sleep: (i % 4) * 0.01 }, { tenant })
      }),
    )
    const readers = [...replicas, ...replicas].map(async (replica) => {
      const seen: FeedEvent[] = []
      for (let after = start; ; ) {
        const last = !writing
        const read = await page(after, { limit: 7 }, replica)
        seen.push(...read.events)
        after = read.cursor
        if (last && read.events.length === 0) return seen
      }
    })
    await Promise.all(writers)
    writing = false
    const [first, ...others] = await Promise.all(readers)
    expect(first).toHaveLength(6 * 13)
    expect(new Set(first!.map((event) => event.id))).toHaveLength(6 * 13)
    for (const other of others) expect(other).toEqual(first)
    const versions = new Map<string, number>()
    for (const event of first!) {
      expect(event.version).toBe((versions.get(event.aggregateId) ?? 0) + 1)
      versions.set(event.aggregateId, event.version)
    }
    const positions = await db.sudo<{ gaps: number }>(
      'select (max(position) - min(position) + 1 - count(*))::int as gaps from event',
    )
    expect(positions).toEqual([{ gaps: 0 }])
  })

  it('refuses to change what it told', async () => {
    await create()
    await page()
    const app = await connect(db.urls.app)
    await expect(app.query('update event set position = position + 1')).rejects.toThrow('append-only')
    await expect(app.query(`update event set kind = 'x'`)).rejects.toThrow('permission denied')
    await expect(db.sudo('delete from event')).rejects.toThrow('append-only')
  })

  it('refuses a cursor that is none', async () => {
    const response = await createCounterApp(db.database).request('/events?after=1')
    expect(response.status).toBe(422)
  })
})

/** A database that has what a consumer needs. */
async function consumer(): Promise<TestDatabase> {
  const own = await testDatabase({ service: 'counter', migrations })
  clean.push(() => own.close())
  await own.sudo(`create table cursor (feed text primary key, position text, moved_at timestamptz)`)
  await own.sudo(`create table seen (event uuid, aggregate text, version bigint)`)
  await own.sudo('grant all on cursor, seen to counter')
  return own
}

/** A copy of a database under another name, as from a backup. */
async function restore({ urls }: TestDatabase): Promise<Database> {
  const name = new URL(urls.app).pathname.slice(1)
  const copy = `${name}_restored`
  const admin = await connect(inject('postgres'))
  await admin.query('select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1', [name])
  await admin.query(`create database ${copy} template ${name}`)
  clean.push(() => admin.query(`drop database ${copy} with (force)`))
  const database = new Database({ url: urls.app.replace(name, copy), pool: 4, constraints })
  clean.push(() => database.close())
  return database
}

describe('a restored feed', () => {
  it('is another incarnation in its old place too, for who has seen more than there is', async () => {
    const original = await testDatabase({ service: 'counter', migrations, constraints })
    clean.push(() => original.close())
    await create('kept', original.database)
    const kept = await page(undefined, {}, original.database)
    await create('lost', original.database)
    const { cursor } = await page(undefined, {}, original.database)
    await original.sudo('alter table event disable trigger user')
    await original.sudo('delete from event where position > 1')
    await original.sudo('update feed set last_position = 1')

    await expect(page(cursor, {}, original.database)).rejects.toMatchObject({ code: 'feed-reset' })
    const anew = await page(undefined, {}, original.database)
    expect(anew.events).toEqual(kept.events)
    expect(anew.cursor.split('.')[0]).not.toBe(cursor.split('.')[0])
  })

  it('is another incarnation: 410 to who asks with an old cursor, and followers read it anew', async () => {
    const original = await testDatabase({ service: 'counter', migrations, constraints })
    clean.push(() => original.close())
    const id = await create('kept', original.database)
    const { cursor } = await page(undefined, {}, original.database)
    const restored = await restore(original)

    await expect(page(cursor, {}, restored)).rejects.toThrow(DomainError)
    const response = await createCounterApp(restored).request(`/events?after=${cursor}`)
    expect(response.status).toBe(410)
    expect(await response.json()).toMatchObject({ type: 'https://staffmesh.dev/problems/feed-reset' })

    const own = await consumer()
    await own.sudo(`insert into cursor (feed, position) values ('counter', $1)`, [cursor])
    const stop = new AbortController()
    const told: string[] = []
    const following = follow({
      service: 'follower',
      feed: 'counter',
      database: own.database,
      read: (_, { after }) => page(after, {}, restored),
      async apply(_, events) {
        told.push(...events.map((event) => event.aggregateId))
      },
      async resync() {
        told.push('resync')
      },
      signal: stop.signal,
    })
    await until(() => told.length >= 2)
    stop.abort()
    await following
    expect(told).toEqual(['resync', id])
  })
})

describe('a follower', () => {
  it('lets each event take effect once, killed again and again, and with others beside it', async () => {
    const own = await consumer()
    const source = await testDatabase({ service: 'counter', migrations, constraints })
    clean.push(() => source.close())
    const app = createCounterApp(source.database)
    const id = await create('followed', source.database)
    const program = fileURLToPath(new URL('./fixtures/follower.ts', import.meta.url))
    const start = () =>
      spawn(process.execPath, [program, source.urls.app, own.urls.app], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
    const kill = async (child: ChildProcess) => {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
    const seen = async () =>
      (await own.sudo<{ count: number }>('select count(*)::int as count from seen'))[0]!.count

    let follower = start()
    for (let round = 1; round <= 2; round++) {
      const before = await seen()
      const writing = Promise.all(
        Array.from({ length: 20 }, () => post(app, 'increment', { id, by: 1 }, { tenant })),
      )
      await until(async () => (await seen()) > before)
      const next = start()
      await once(next.stdout!, 'data')
      const last = Promise.all(
        Array.from({ length: 5 }, () => post(app, 'increment', { id, by: 1 }, { tenant })),
      )
      await kill(follower)
      follower = next
      await Promise.all([writing, last])
    }
    await until(async () => (await seen()) >= 51)
    await kill(follower)
    const versions = await own.sudo<{ version: number }>(
      'select version::int as version from seen order by version',
    )
    expect(versions.map((row) => row.version)).toEqual(Array.from({ length: 51 }, (_, index) => index + 1))
  })
})
