import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { backgroundCall, type Call } from './call.ts'
import { stream } from './contract.ts'
import type { Database } from './database.ts'
import { log } from './log.ts'
import { DomainError } from './problem.ts'
import { id, instant } from './schemas.ts'
import { instantOf } from './sql.ts'
import { type Attributes, failure, recorder } from './telemetry.ts'
import type { Tx } from './tx.ts'

/** A thin fact: what happened to which aggregate; who needs values asks for them. */
export const feedEvent = z.object({
  id,
  tenant: id,
  kind: z.string(),
  aggregateId: z.string(),
  version: z.number(),
  changed: z.array(z.string()),
  at: instant,
  traceparent: z.string().optional().meta({ description: 'The trace that it came of' }),
})
export type FeedEvent = z.output<typeof feedEvent>

export const feedPage = z.object({ cursor: z.string(), events: z.array(feedEvent) })

/** The feed operation of a data service: `GET /events`, ordered, replayable, long poll. */
export const feed = (summary: string) =>
  stream({
    summary,
    access: ['service'],
    route: { method: 'GET', path: '/events' },
    input: z.strictObject({
      after: z
        .string()
        .regex(/^[0-9a-f-]{36}\.\d{1,18}$/)
        .optional()
        .meta({ description: 'The cursor of the last page; absent: from the beginning' }),
      limit: z.coerce.number().int().min(1).max(1000).default(500),
      wait: z.coerce.number().min(0).max(25).default(0).meta({ description: 'Seconds to wait for an event' }),
    }),
    output: feedPage,
    deadline: 30_000,
  })

/** How often a waiting reader looks, in milliseconds. */
const pollInterval = 200

/** Serves the feed of a database. Any replica may: whoever reads first gives the new events their positions. */
export function serveFeed(database: Database) {
  return async (input: { after?: string | undefined; limit: number; wait: number }, call: Call) => {
    const until = Math.min(Date.now() + input.wait * 1000, call.deadline - 1000)
    // Out of its trace, which would have a hundred statements that found nothing.
    const look = { ...call, traceparent: undefined }
    for (;;) {
      const page = await database.unscoped(look, (tx) => readPage(tx, input.after, input.limit))
      // Thrown after the commit, so that a new incarnation stays.
      if (!page) throw new DomainError('feed-reset')
      if (page.events.length > 0 || call.signal.aborted || Date.now() + pollInterval > until) return page
      await sleep(pollInterval, undefined, { signal: call.signal }).catch(() => {})
      if (call.signal.aborted) return page
    }
  }
}

/** A page, or undefined where the cursor is of another incarnation. */
async function readPage(
  tx: Tx,
  after: string | undefined,
  limit: number,
): Promise<z.output<typeof feedPage> | undefined> {
  const { incarnation, last, waiting } = await stateOf(tx)
  const [from, position] = after?.split('.') ?? [incarnation, '0']
  if (from !== incarnation) return undefined
  if (BigInt(position!) > BigInt(last)) {
    // What the reader has seen is gone: the database was restored in its place.
    await tx.query('update feed set incarnation = gen_random_uuid() where incarnation = $1', [incarnation])
    return undefined
  }
  if (waiting) await sequence(tx)
  else if (BigInt(position!) === BigInt(last)) return { cursor: `${incarnation}.${position}`, events: [] }
  const rows = await tx.query<EventRow>(
    `select id, tenant, kind, aggregate_id as "aggregateId", version::float8 as version, changed, position, traceparent,
            ${instantOf('at')} as at
     from event where position > $1 order by position limit $2`,
    [position, limit],
    'feed_read',
  )
  const events = rows.map(({ position: _, changed, traceparent, ...event }) => ({
    ...event,
    ...(traceparent === null ? {} : { traceparent }),
    changed: changed === '' ? [] : changed.split(','),
  }))
  return { cursor: `${incarnation}.${rows.at(-1)?.position ?? position}`, events }
}

type EventRow = Omit<FeedEvent, 'changed' | 'traceparent'> & {
  changed: string
  position: string
  traceparent: string | null
}

interface FeedState {
  incarnation: string
  /** The highest position that was given. */
  last: string
  /** Whether committed events wait for a position. */
  waiting: boolean
}

/**
 * The incarnation ends when the database is another than it was: restored from a dump (its oid), from a base backup
 * (the timeline) or on another server (the system identifier); see readPage for a restore in its place.
 */
async function stateOf(tx: Tx): Promise<FeedState> {
  const place = `concat_ws('/', (select system_identifier from pg_control_system()),
    (select timeline_id from pg_control_checkpoint()),
    (select oid from pg_database where datname = current_database()))`
  const look = async () =>
    (
      await tx.query<FeedState & { same: boolean }>(
        `select incarnation, place = ${place} as same, last_position as last,
                exists (select from event where position is null) as waiting from feed`,
        [],
        'feed_state',
      )
    )[0]!
  const state = await look()
  if (state.same) return state
  await tx.query(`update feed set incarnation = gen_random_uuid(), place = ${place} where place <> ${place}`)
  return look()
}

/** Numbers the committed events that have no position yet; the lock on feed's row lets one do it at a time. */
async function sequence(tx: Tx): Promise<void> {
  await tx.query('select 1 from feed for update', [], 'feed_lock')
  await tx.query(
    `with numbered as (
       select id, row_number() over (order by number) as rank
       from (select id, number from event where position is null order by number limit 20000) as unsequenced),
     sequenced as (
       update event set position = (select last_position from feed) + rank
       from numbered where event.id = numbered.id returning position)
     update feed set last_position = greatest(last_position, (select max(position) from sequenced))
     where exists (select from sequenced)`,
    [],
    'feed_sequence',
  )
}

/** How long a page is waited for, in seconds. */
const wait = 20

/**
 * Follows a feed for ever. The cursor stands in the consumer's own database (table `cursor`) and moves in the
 * transaction that applies the events, so each event takes effect once however often it is read; of several workers
 * one at a time applies. After a restore of the feed's database it is read anew from the beginning.
 */
export async function follow(options: {
  service: string
  /** Name of the feed, e.g. `directory`. */
  feed: string
  database: Database
  read: (call: Call, input: { after?: string; wait: number }) => Promise<z.output<typeof feedPage>>
  apply: (tx: Tx, events: FeedEvent[]) => Promise<void>
  /** Told when the feed begins anew. */
  resync?: (tx: Tx) => Promise<void>
  signal: AbortSignal
}): Promise<void> {
  const { feed: name, database, signal } = options
  const call = (traceparent?: string) =>
    backgroundCall({
      service: options.service,
      operation: `follow-${name}`,
      deadline: 40_000,
      signal,
      traceparent,
    })
  while (!signal.aborted) {
    try {
      const after = await database.unscoped(call(), (tx) => loadCursor(tx, name))
      const page = await options.read(call(), { ...(after ? { after } : {}), wait })
      if (page.cursor === after) continue
      const apply = async (tx: Tx) => {
        // Another worker may have applied the page meanwhile.
        if ((await loadCursor(tx, name, 'for update')) !== after) return
        await options.apply(tx, page.events)
        await saveCursor(tx, name, page.cursor)
      }
      await observed(name, page.events, (traceparent) => database.unscoped(call(traceparent), apply))
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof DomainError && error.code === 'feed-reset') {
        log.warn({ feed: name }, 'the feed was restored: reading it anew')
        await database.unscoped(call(), async (tx) => {
          await options.resync?.(tx)
          await saveCursor(tx, name, null)
        })
        continue
      }
      log.warn({ err: error, feed: name }, 'the feed cannot be read now')
      await sleep(1000, undefined, { signal }).catch(() => {})
    }
  }
}

/**
 * A span that links to what wrote the events, and the lag. Where they cannot be applied it is that of the oldest, so that
 * it grows with each try, however many events come on top.
 */
async function observed(
  feed: string,
  events: readonly FeedEvent[],
  apply: (traceparent: string | undefined) => Promise<void>,
): Promise<void> {
  const [oldest] = events
  const youngest = events.at(-1)
  if (!recorder || !oldest || !youngest) return apply(undefined)
  const attributes = { 'staffmesh.feed': feed }
  const links = causesOf(events)
  const span = recorder.start({ kind: 'consumer', name: `follow ${feed}`, links, attributes })
  const end = ({ at }: FeedEvent, outcome: Attributes) => {
    span.end(outcome)
    const lag = (Date.now() - Date.parse(at)) / 1000
    recorder?.measure('staffmesh.feed.lag', lag, { ...attributes, ...outcome })
  }
  try {
    await apply(span.traceparent)
    end(youngest, {})
  } catch (error) {
    end(oldest, failure(error))
    throw error
  }
}

/** The traces that something came of, each once. */
export const causesOf = (caused: readonly { traceparent?: string | null | undefined }[]): string[] => [
  ...new Set(caused.flatMap(({ traceparent }) => traceparent ?? [])),
]

async function loadCursor(tx: Tx, name: string, lock: '' | 'for update' = ''): Promise<string | undefined> {
  await tx.query('insert into cursor (feed) values ($1) on conflict do nothing', [name])
  const [row] = await tx.query<{ position: string | null }>(
    `select position from cursor where feed = $1 ${lock}`,
    [name],
  )
  return row?.position ?? undefined
}

async function saveCursor(tx: Tx, name: string, position: string | null): Promise<void> {
  await tx.query('update cursor set position = $2, moved_at = now() where feed = $1', [name, position])
}
