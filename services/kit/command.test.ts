import { randomUUID, randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CommandTx } from './command.ts'
import { feedPage } from './events.ts'
import { constraints, createCounterApp, migrations } from './fixtures/counter/app.ts'
import { callerHeaders, post, type TestDatabase, testCall, testDatabase } from './testing.ts'

let db: TestDatabase
let app: ReturnType<typeof createCounterApp>
beforeAll(async () => {
  db = await testDatabase({ service: 'counter', migrations, constraints })
  app = createCounterApp(db.database)
})
afterAll(() => db.close())

const tenant = randomUUIDv7()
const caller = { tenant }
const create = async (name: string) =>
  (await post(app, 'createCounter', { name }, caller)).body as { id: string; version: number }

describe('idempotency', () => {
  it('answers the same key and body byte for byte, once', async () => {
    const { id } = await create('replayed')
    const key = { 'idempotency-key': randomUUID() }
    const first = await post(app, 'increment', { id, by: 2 }, caller, key)
    const second = await post(app, 'increment', { id, by: 2 }, caller, key)
    expect(first).toMatchObject({ status: 200, body: { value: 2 } })
    expect(second.body).toEqual(first.body)
    expect(second.headers.get('idempotent-replayed')).toBe('true')
  })

  it('answers a replay before it looks at the version', async () => {
    const { id } = await create('first name')
    const key = { 'idempotency-key': randomUUID() }
    const rename = (version: number, headers = {}) =>
      post(app, 'renameCounter', { id, name: 'second name', version }, caller, headers)
    const first = await rename(1, key)
    expect(first).toMatchObject({ status: 200, body: { version: 2 } })
    expect(await rename(1)).toMatchObject({
      status: 412,
      body: { type: 'https://staffmesh.dev/problems/version-conflict' },
    })
    for (const version of [1, 2, 9]) expect((await rename(version, key)).body).toEqual(first.body)
  })

  it('answers the same key anew once the first try was rolled back', async () => {
    await create('in the way')
    const key = { 'idempotency-key': randomUUID() }
    const retry = () => post(app, 'createCounter', { name: 'in the way' }, caller, key)
    expect(await retry()).toMatchObject({ status: 409 })
    await db.sudo(`update counter set name = 'aside' where name = 'in the way'`)
    expect(await retry()).toMatchObject({ status: 200 })
  })

  it('refuses the same key with another body', async () => {
    const { id } = await create('reused')
    const key = { 'idempotency-key': randomUUID() }
    await post(app, 'increment', { id, by: 2 }, caller, key)
    expect(await post(app, 'increment', { id, by: 3 }, caller, key)).toMatchObject({
      status: 422,
      body: { type: 'https://staffmesh.dev/problems/idempotency-key-reused' },
    })
  })

  it('keeps one person from being answered what another asked', async () => {
    const { id } = await create('two people')
    const key = { 'idempotency-key': 'same' }
    await post(app, 'increment', { id, by: 2 }, { tenant, account: 'a' }, key)
    expect(await post(app, 'increment', { id, by: 3 }, { tenant, account: 'b' }, key)).toMatchObject({
      status: 200,
      body: { value: 5 },
    })
  })

  it('runs concurrent duplicates once', async () => {
    const { id } = await create('concurrent')
    const key = { 'idempotency-key': randomUUID() }
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post(app, 'increment', { id, by: 1, sleep: 0.05 }, caller, key)),
    )
    expect(new Set(answers.map((answer) => JSON.stringify([answer.status, answer.body])))).toHaveLength(1)
    expect(answers[0]).toMatchObject({ status: 200, body: { value: 1 } })
    const jobs = await db.sudo(`select 1 from graphile_worker._private_jobs where key like $1`, [
      `noted/${id}/%`,
    ])
    expect(jobs).toHaveLength(1)
  })

  it('needs a key', async () => {
    const response = await app.request('/createCounter', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...callerHeaders(caller) },
      body: '{"name":"keyless"}',
    })
    expect(response.status).toBe(400)
  })
})

describe('a command', () => {
  it('leaves nothing behind when it fails', async () => {
    await create('taken')
    const before = await db.sudo(
      'select (select count(*) from event) as e, (select count(*) from audit) as a',
    )
    expect(await post(app, 'createCounter', { name: 'taken' }, caller)).toMatchObject({
      status: 409,
      body: {
        type: 'https://staffmesh.dev/problems/counter-name-taken',
        title: 'Another counter has this name',
      },
    })
    expect(
      await db.sudo('select (select count(*) from event) as e, (select count(*) from audit) as a'),
    ).toEqual(before)
  })

  const change = (id: string, work: (tx: CommandTx) => void, deadline = Date.now() + 15_000) =>
    db.database.command(testCall(tenant, { deadline }), { id }, async (tx) => {
      await tx.query('update counter set value = 99 where id = $1', [id])
      tx.emit({ kind: 'counter-changed', id, version: 2 })
      work(tx)
      return {}
    })
  const stateOf = (id: string) =>
    db.sudo(
      `select (select value::int from counter where id = $1) as value,
              (select count(*)::int from event where aggregate_id = $1::text) as events`,
      [id],
    )

  it.each<[string, (tx: CommandTx) => void]>([
    ['an event', (tx) => tx.emit({ kind: 'odd', id: 'x', version: 1.5 })],
    ['an audit entry', (tx) => tx.audit({ object: 'counter', id: 'x', after: { value: 1n } })],
    ['a job', (tx) => tx.enqueue({ task: 'noted', payload: { value: 1n } })],
    ['a job that the queue refuses', (tx) => tx.enqueue({ task: 'x'.repeat(200) })],
  ])('leaves nothing behind when %s cannot be written with the commit', async (_, work) => {
    const { id } = await create(randomUUIDv7())
    await expect(change(id, work)).rejects.toThrow()
    expect(await stateOf(id)).toEqual([{ value: 0, events: 1 }])
    await change(id, () => {})
    expect(await stateOf(id)).toEqual([{ value: 99, events: 2 }])
  })

  it('leaves nothing behind when the deadline passes just before the commit', async () => {
    const { id } = await create(randomUUIDv7())
    const deadline = Date.now() + 300
    const busy = () => {
      while (Date.now() <= deadline);
    }
    await expect(change(id, busy, deadline)).rejects.toMatchObject({ code: 'deadline-exceeded' })
    expect(await stateOf(id)).toEqual([{ value: 0, events: 1 }])
  })

  it('writes audit entries that nobody can change', async () => {
    await create('audited')
    await expect(db.sudo(`update audit set account = 'x'`)).rejects.toThrow('append-only')
    await expect(db.sudo(`delete from audit`)).rejects.toThrow('append-only')
  })

  it('ends its SQL at the deadline', async () => {
    const { id } = await create('slow')
    const start = Date.now()
    const deadline = { 'x-staffmesh-deadline': String(start + 300) }
    expect(await post(app, 'getCounter', { id, sleep: 5 }, caller, deadline)).toMatchObject({ status: 504 })
    expect(Date.now() - start).toBeLessThan(4000)
  })
})

describe('a tenant', () => {
  it('does not see the rows of another', async () => {
    const { id } = await create('mine')
    expect(await post(app, 'getCounter', { id }, { tenant: randomUUIDv7() })).toMatchObject({ status: 404 })
  })
})

describe('the feed', () => {
  it('has each event once, in order', async () => {
    await create('fed')
    const read = async (query: string) => feedPage.parse(await (await app.request(`/events${query}`)).json())
    const page = await read('')
    expect(page.events.length).toBeGreaterThan(3)
    expect((await read(`?after=${page.cursor}`)).events).toEqual([])
    await create('fed again')
    expect((await read(`?after=${page.cursor}&wait=1`)).events).toMatchObject([
      { kind: 'counter-created', tenant },
    ])
  })
})
