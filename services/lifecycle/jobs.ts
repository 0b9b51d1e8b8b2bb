import { follow } from '#kit/events.ts'
import type { JobsOptions } from '#kit/jobs.ts'
import type { Runtime } from '#kit/process.ts'
import { connect } from './clients.ts'
import { consumers } from './feeds.ts'
import { runner } from './runner.ts'

/** The worker: it follows the feeds, and takes the steps that are due. */
export function work({ database }: Pick<Runtime, 'database'>): JobsOptions {
  const clients = connect()
  const following = Object.entries(consumers(() => new Date())).map(
    ([cursor, { feed, apply, resync }]) =>
      (signal: AbortSignal) =>
        follow({
          service: 'lifecycle',
          feed: cursor,
          database,
          read: (call, input) => clients[feed](call).events(input),
          apply,
          resync,
          signal,
        }),
  )
  return { jobs: {}, loops: [...following, ...runner(database, clients).loops] }
}
