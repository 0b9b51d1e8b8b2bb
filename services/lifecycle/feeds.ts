import { z } from 'zod'
import { type FeedEvent, feedEvent } from '#kit/events.ts'
import { log } from '#kit/log.ts'
import type { Tx } from '#kit/tx.ts'
import { acrossTenants, forgetTenant, type Wake, wake, wakeAllAccounts } from './store.ts'

/** Kinds of events whose aggregate is an employee. */
const aboutEmployee = /^(employee|person|termination)-/
const employeeEvent = feedEvent.extend({ aggregateId: z.uuid(), version: z.int().min(1) })

/** Any event about an employee makes us look at the account; values are asked for when the step is taken. */
export const wakesOf = (events: readonly FeedEvent[]): Wake[] =>
  readable(events, aboutEmployee, employeeEvent).map(({ tenant, aggregateId, version }) => ({
    tenant,
    kind: 'account',
    subject: aggregateId,
    version,
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

/** What a page of each feed does to the processes; the cursor moves in the same transaction. */
export const consumers = (clock: () => Date) => ({
  directory: {
    async apply(tx: Tx, events: FeedEvent[]) {
      await acrossTenants(tx)
      await wake(tx, wakesOf(events), clock())
    },
    /** Restored to an earlier state, its versions begin anew. */
    async resync(tx: Tx) {
      await acrossTenants(tx)
      await wakeAllAccounts(tx, clock())
    },
  },
  identity: {
    async apply(tx: Tx, events: FeedEvent[]) {
      await acrossTenants(tx)
      for (const { aggregateId } of readable(events, /^tenant-deleted$/, tenantEvent))
        await forgetTenant(tx, aggregateId)
    },
    /** Restored to an earlier state, its accounts may have fallen behind the employments. */
    async resync(tx: Tx) {
      await acrossTenants(tx)
      await wakeAllAccounts(tx, clock())
    },
  },
})
