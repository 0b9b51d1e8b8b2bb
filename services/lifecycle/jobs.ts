import { follow } from '#kit/events.ts'
import type { JobsOptions } from '#kit/jobs.ts'
import type { Runtime } from '#kit/process.ts'
import { connect } from './clients.ts'
import { consumers } from './feeds.ts'
import { runner } from './runner.ts'

/** The worker: it follows the feeds, and takes the steps that are due. */
export function work({ database }: Pick<Runtime, 'database'>): JobsOptions {
  const clients = connect()
  const consume = consumers(() => new Date())
  const following = (feed: keyof typeof consume) => (signal: AbortSignal) =>
    follow({
      service: 'lifecycle',
      feed,
      database,
      read: (call, input) => clients[feed](call).events(input),
      ...consume[feed],
      signal,
    })
  return {
    jobs: {},
    loops: [following('directory'), following('identity'), runner(database, clients).loop],
  }
}
