import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { backgroundCall } from '#kit/call.ts'
import { type TestDatabase, testCall, testDatabase } from '#kit/testing.ts'
import type { Tx } from '#kit/tx.ts'
import type { Kind } from './domain/process.ts'
import {
  acrossTenants,
  begin,
  type Claim,
  cancel,
  claim,
  list,
  release,
  type Wake,
  wake,
  wakeAll,
} from './store.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase({ service: 'lifecycle', migrations: new URL('./migrations/', import.meta.url) })
})
afterAll(() => db.close())
beforeEach(() => db.sudo('truncate process cascade'))

const tenant = randomUUIDv7()
const now = new Date('2026-07-01T12:00:00Z')
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000)
const lease = 10_000

/** What the worker does: without a tenant, and across all where it says so. */
const worker = <T>(work: (tx: Tx) => Promise<T>) =>
  db.database.unscoped(backgroundCall({ service: 'lifecycle', operation: 'test' }), async (tx) => {
    await acrossTenants(tx)
    return work(tx)
  })
const wakeUp = (wakes: Wake[], at = now) => worker((tx) => wake(tx, wakes, at))
const take = async (at = now, places = 10, kind: Kind = 'account') =>
  (await worker((tx) => claim(tx, at, { kind, lease, places }))).flat()
/** Takes what is due until nothing is left. */
async function takeAll(at = now) {
  const taken: Claim[] = []
  for (let some = await take(at); some.length > 0; some = await take(at)) taken.push(...some)
  return taken
}
const rows = () => db.sudo<Record<string, unknown>>('select * from process order by created_at, id')

const account = (version = 1, subject = randomUUIDv7(), of = tenant): Wake => ({
  tenant: of,
  kind: 'account',
  subject,
  version,
})

describe('waking', () => {
  it('starts one process per subject, whatever comes twice', async () => {
    const one = account(1)
    await wakeUp([one, one, { ...one, version: 3 }, { ...one, version: 2 }])
    expect(await rows()).toMatchObject([{ subject: one.subject, seen_version: '3', revision: '1' }])
  })

  it('changes nothing for a doubled or late event', async () => {
    const one = account(5)
    await wakeUp([one])
    const [before] = await rows()
    await wakeUp([one], later(9))
    await wakeUp([{ ...one, version: 4 }], later(9))
    expect(await rows()).toEqual([before])
    await wakeUp([{ ...one, version: 6 }], later(9))
    expect(await rows()).toMatchObject([{ revision: '2', seen_version: '6', due_at: later(9) }])
  })

  it('remembers which trace it came of last', async () => {
    const traceparent = (id: number) => `00-${String(id).repeat(32)}-${String(id).repeat(16)}-01`
    const one = account(1)
    await wakeUp([{ ...one, traceparent: traceparent(1) }])
    await wakeUp([{ ...one, version: 2, traceparent: traceparent(2) }])
    expect(await take()).toMatchObject([{ subject: one.subject, traceparent: traceparent(2) }])
  })

  it('starts one process when many wake it at once', async () => {
    const some = Array.from({ length: 5 }, () => account(1))
    await Promise.all(Array.from({ length: 8 }, (_, i) => wakeUp(i % 2 ? some : some.toReversed(), later(i))))
    expect(await rows()).toHaveLength(5)
  })

  it('begins versions anew after a restore', async () => {
    const one = account(7)
    await wakeUp([one])
    await worker((tx) => wakeAll(tx, 'account', later(1)))
    await wakeUp([{ ...one, version: 2 }], later(2))
    expect(await rows()).toMatchObject([{ seen_version: '2', revision: '3' }])
  })
})

describe('a claim', () => {
  it('takes what is due, by tenants all', async () => {
    await wakeUp([account(), account(1, randomUUIDv7(), randomUUIDv7())])
    await wakeUp([account()], later(60))
    expect(await takeAll()).toHaveLength(2)
  })

  it('is of one kind: what floods another is not in its way', async () => {
    const subjects = Array.from({ length: 3 }, () => randomUUIDv7())
    await wakeUp(subjects.map((subject) => ({ ...account(1, subject), kind: 'leave-projection' })))
    await wakeUp([account(1, subjects[0])], later(1))
    expect(await take(later(2))).toMatchObject([{ kind: 'account', subject: subjects[0] }])
    expect(await take(later(2))).toEqual([])
    expect(await take(later(2), 1, 'leave-projection')).toMatchObject([{ kind: 'leave-projection' }])
  })

  it('takes many of a tenant where it may, of so many tenants as there are places', async () => {
    const [busy, quiet, last] = [randomUUIDv7(), randomUUIDv7(), randomUUIDv7()]
    await wakeUp(Array.from({ length: 5 }, () => account(1, randomUUIDv7(), busy)))
    await wakeUp([account(1, randomUUIDv7(), quiet)], later(1))
    await wakeUp([account(1, randomUUIDv7(), last)], later(2))
    const takeMany = () => worker((tx) => claim(tx, later(3), { kind: 'account', lease, places: 2, most: 3 }))
    const taken = async () => (await takeMany()).map((group) => [group[0]!.tenant, group.length]).sort()
    expect(await taken()).toEqual(
      [
        [busy, 3],
        [quiet, 1],
      ].sort(),
    )
    expect(await taken()).toEqual(
      [
        [busy, 2],
        [last, 1],
      ].sort(),
    )
    expect(await taken()).toEqual([])
  })

  it('is had by one worker only', async () => {
    await wakeUp(Array.from({ length: 40 }, () => account()))
    const taken = (await Promise.all(Array.from({ length: 8 }, () => takeAll()))).flat()
    // Where two look at once, one goes away empty-handed.
    const ids = [...taken, ...(await takeAll())].map(({ id }) => id)
    expect(ids).toHaveLength(40)
    expect(new Set(ids)).toHaveLength(40)
  })

  it('is for the tenant first for whom least is being done', async () => {
    const [busy, quiet] = [randomUUIDv7(), randomUUIDv7()]
    await wakeUp(Array.from({ length: 20 }, () => account(1, randomUUIDv7(), busy)))
    for (let i = 0; i < 3; i++) await take(later(1), 1)
    await wakeUp([account(1, randomUUIDv7(), quiet), account(1, randomUUIDv7(), quiet)], later(2))
    const tenants = []
    for (let i = 0; i < 4; i++) tenants.push(...(await take(later(2), 1)).map(({ tenant }) => tenant))
    expect(tenants).toEqual([quiet, quiet, busy, busy])
  })

  it('ends with its lease, as after a crash', async () => {
    await wakeUp([account()])
    const [first] = await take()
    expect(await take(later(9))).toEqual([])
    const [second] = await take(later(10))
    expect(second).toMatchObject({ id: first!.id, revision: first!.revision, attempts: 2 })
    // The first was only slow: it may not speak for the process any more.
    const done = { state: 'done', why: null } as const
    expect(await worker((tx) => release(tx, first!, done, later(11), { progress: {} }))).toBe(false)
    expect(await rows()).toMatchObject([{ state: 'scheduled' }])
    expect(await worker((tx) => release(tx, second!, done, later(11), { progress: {} }))).toBe(true)
    expect(await rows()).toMatchObject([{ state: 'done', attempts: 0, since: later(11) }])
  })

  it('does not hide what was told meanwhile', async () => {
    const one = account(1)
    await wakeUp([one])
    const [claimed] = await take()
    await wakeUp([{ ...one, version: 2 }], later(1))
    expect(await take(later(2))).toEqual([])
    const progress = { ended: true }
    await worker((tx) => release(tx, claimed!, { state: 'done', why: null }, later(2), { progress }))
    expect(await take(later(2))).toMatchObject([{ id: claimed!.id, revision: 3, progress: { ended: true } }])
  })

  it('keeps since when a failure repeats', async () => {
    await wakeUp([account()])
    const fail = async (at: Date, next: Date) => {
      const [claimed] = await take(at)
      const state = { state: 'scheduled', at: next, why: 'retry' } as const
      await worker((tx) => release(tx, claimed!, state, at, { error: 'unavailable' }))
    }
    await fail(later(1), later(2))
    await fail(later(2), later(4))
    expect(await rows()).toMatchObject([
      { since: later(1), due_at: later(4), attempts: 2, last_error: 'unavailable', leased_until: null },
    ])
  })

  it('says nothing for what was called off meanwhile', async () => {
    const progress = { phase: 'grace', deleteAt: now.toISOString() }
    const started = await worker((tx) =>
      begin(tx, { tenant, kind: 'tenant-deletion', subject: tenant, progress }, now),
    )
    const [claimed] = await take(now, 1, 'tenant-deletion')
    await worker((tx) => cancel(tx, tenant, started.id, { ...progress, phase: 'cancelled' }, later(1)))
    const next = { state: 'scheduled', at: later(1), why: null } as const
    const outcome = { progress: { ...progress, phase: 'remove' } }
    expect(await worker((tx) => release(tx, claimed!, next, later(1), outcome))).toBe(false)
    expect(await rows()).toMatchObject([
      { state: 'done', why: 'cancelled', progress: { phase: 'cancelled' } },
    ])
  })
})

describe('row-level security', () => {
  const seenBy = (of: string) => db.database.read(testCall(of), (tx) => list(tx, {}, 10))

  it('shows a tenant its own processes, and nothing to who has none', async () => {
    const other = randomUUIDv7()
    await wakeUp([account(), account(1, randomUUIDv7(), other)])
    expect(await seenBy(tenant)).toMatchObject([{ tenantId: tenant }])
    expect(await seenBy(other)).toMatchObject([{ tenantId: other }])
    const call = backgroundCall({ service: 'lifecycle', operation: 'test' })
    expect(await db.database.unscoped(call, (tx) => list(tx, {}, 10))).toEqual([])
  })

  it('forgets at the end of a transaction that it was to look across tenants', async () => {
    await wakeUp([account()])
    const call = backgroundCall({ service: 'lifecycle', operation: 'test' })
    for (let i = 0; i < 20; i++) {
      expect(await worker((tx) => list(tx, {}, 10))).toHaveLength(1)
      expect(await db.database.unscoped(call, (tx) => list(tx, {}, 10))).toEqual([])
    }
  })

  it('lets no tenant write into another', async () => {
    const write = db.database.write(testCall(tenant), (tx) =>
      wake(tx, [account(1, randomUUIDv7(), randomUUIDv7())], now),
    )
    await expect(write).rejects.toThrow('row-level security')
  })
})

it('keeps words only where a personal value could slip in', async () => {
  await wakeUp([account()])
  for (const column of ['why', 'last_error'])
    await expect(db.sudo(`update process set ${column} = 'Ana Müller <ana@example.com>'`)).rejects.toThrow(
      'check',
    )
})
