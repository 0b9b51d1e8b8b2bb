import type { WorkerEvents } from 'graphile-worker'
import pg from 'pg'
import { log } from './log.ts'

/** Milliseconds between two looks for jobs whose worker has died. */
const interval = 2000

/**
 * A job stays locked by a worker that was killed, and graphile-worker gives it to another one only after 4 hours.
 * So each worker holds an advisory lock as long as it lives; a job locked by a worker that holds none runs again.
 */
export function releaseOrphans(pool: pg.Pool, url: string, events: WorkerEvents): { stop(): Promise<void> } {
  let holder: pg.Client | undefined
  let worker: string | undefined

  /** A connection of its own: the lock ends when it does, which is when the process does. */
  async function hold(id: string): Promise<void> {
    const client = new pg.Client({ connectionString: url, keepAlive: true })
    client.on('error', () => {
      holder = undefined
    })
    await client.connect()
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [id])
    holder = client
  }

  async function look(): Promise<void> {
    if (worker && !holder) await hold(worker)
    // Two seconds: a worker takes its lock as it starts, and may have found a job a moment earlier.
    await pool.query(
      `select graphile_worker.force_unlock_workers(array_agg(worker)) from (
         select distinct locked_by as worker from graphile_worker._private_jobs
         where locked_at < now() - interval '2 seconds') as busy
       where pg_try_advisory_xact_lock(hashtextextended(worker, 0)) having count(*) > 0`,
    )
  }

  const lookSafely = () => look().catch((error) => log.warn({ err: error }, 'cannot look for orphaned jobs'))
  let looking = Promise.resolve()
  events.once('pool:create', ({ workerPool }) => {
    worker = workerPool.id
    looking = lookSafely()
  })
  const timer = setInterval(() => {
    looking = looking.then(lookSafely)
  }, interval)
  return {
    async stop() {
      clearInterval(timer)
      await looking
      await holder?.end()
    },
  }
}
