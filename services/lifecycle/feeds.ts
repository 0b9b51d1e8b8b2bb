import { z } from 'zod'
import { type FeedEvent, feedEvent } from '#kit/events.ts'
import { log } from '#kit/log.ts'
import type { Tx } from '#kit/tx.ts'
import { acrossTenants, forgetTenant, type Wake, wake, wakeAll } from './store.ts'

/** Kinds of events whose aggregate is an employee. */
const aboutEmployee = /^(employee|person|termination)-/
const employeeEvent = feedEvent.extend({ aggregateId: z.uuid(), version: z.int().min(1) })

/** Any event about an employee wakes the process of a kind; values are asked for when the step is taken. */
const wakesOf = (kind: Wake['kind'], events: readonly FeedEvent[]): Wake[] =>
  readable(events, aboutEmployee, employeeEvent).map(({ tenant, aggregateId, version, traceparent }) => ({
    tenant,
    kind,
    subject: aggregateId,
    version,
    traceparent,
  }))

const tenantEvent = feedEvent.extend({ aggregateId: z.uuid() })

/** Leaves out what isn't asked for, and what can't be read: one bad event must not stop the feed. */
function readable<T extends z.ZodType>(
  events: readonly FeedEvent[],
  kinds: RegExp,
  schema: T,
): z.output<T>[] {
  return events.flatMap((event) => {
    if (!kinds.test(event.kind)) return []
    const parsed = schema.safeParse(event)
    if (parsed.success) return [parsed.data]
    log.error({ event: event.id, kind: event.kind }, 'an event cannot be read and is left out')
    return []
  })
}

/** What a page of a feed does to the processes; the cursor, which has the consumer's name, moves in the same transaction. */
export interface Consumer {
  feed: 'directory' | 'identity' | 'leave'
  apply: (tx: Tx, events: FeedEvent[]) => Promise<void>
  /** The feed was restored to an earlier state: versions begin anew, and what was told may be lost. */
  resync: (tx: Tx) => Promise<void>
}

/**
 * Every consumer reads on from where it is, a new one from the beginning: so it comes to know what has been there for
 * long, and none waits for another.
 */
export function consumers(clock: () => Date) {
  const wakeKind = (kind: Wake['kind']) => ({
    async apply(tx: Tx, events: FeedEvent[]) {
      await acrossTenants(tx)
      await wake(tx, wakesOf(kind, events), clock())
    },
    async resync(tx: Tx) {
      await acrossTenants(tx)
      await wakeAll(tx, kind, clock())
    },
  })
  return {
    directory: { feed: 'directory', ...wakeKind('account') },
    'leave-projection': { feed: 'directory', ...wakeKind('leave-projection') },
    identity: {
      feed: 'identity',
      async apply(tx, events) {
        await acrossTenants(tx)
        for (const { aggregateId } of readable(events, /^tenant-deleted$/, tenantEvent))
          await forgetTenant(tx, aggregateId)
      },
      // Its accounts may have fallen behind the employments.
      resync: wakeKind('account').resync,
    },
    leave: {
      feed: 'leave',
      // Only of interest when it begins anew: leave may have fallen behind the employments.
      apply: async () => {},
      resync: wakeKind('leave-projection').resync,
    },
  } satisfies Record<string, Consumer>
}
