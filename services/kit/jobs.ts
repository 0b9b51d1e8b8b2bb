import { type JobHelpers, Logger, parseCronItems, run } from 'graphile-worker'
import pg from 'pg'
import { backgroundCall, type Call } from './call.ts'
import { log } from './log.ts'

/** What `enqueue` put into the job, plus the tenant it was enqueued for ('' where there was none). */
export type JobPayload = Record<string, unknown> & { tenant: string }

/** Background work; it may run more than once and is idempotent. Throwing makes it run again later. */
export type Job = (payload: JobPayload, call: Call) => Promise<void>

export interface JobsOptions {
  jobs: Record<string, Job>
  /** Jobs that start by the clock: job name → cron expression (UTC). */
  schedule?: Record<string, string>
  /** Work that runs as long as the process does, e.g. following a feed. */
  loops?: ((signal: AbortSignal) => Promise<void>)[]
  concurrency?: number
  /** Milliseconds a job may take. */
  deadline?: number
}

/** Works off the queue of a service until stopped; a job that runs then is finished, or released after the grace. */
export async function work(
  service: string,
  workerUrl: string,
  options: JobsOptions,
): Promise<{ stop(): Promise<void> }> {
  const pool = new pg.Pool({ connectionString: workerUrl, max: (options.concurrency ?? 2) + 2 })
  pool.on('error', () => {})
  const stopping = new AbortController()
  const expireIdempotency: Job = async () => {
    await pool.query(`delete from idempotency where created_at < now() - interval '24 hours'`)
  }
  const jobs: Record<string, Job> = { ...options.jobs, 'expire-idempotency': expireIdempotency }
  const taskList = Object.fromEntries(
    Object.entries(jobs).map(([name, job]) => [
      name,
      async (raw: unknown, helpers: JobHelpers) => {
        const payload = { tenant: '', ...(raw as object) } as JobPayload & { traceparent?: string }
        const call = backgroundCall({
          service,
          operation: name,
          ...(payload.tenant ? { tenant: payload.tenant } : {}),
          deadline: options.deadline ?? 600_000,
          idempotencyKey: `job/${helpers.job.id}`,
          ...(payload.traceparent ? { traceparent: payload.traceparent } : {}),
          signal: stopping.signal,
        })
        const start = performance.now()
        try {
          await job(payload, call)
          log.info({ service, job: name, ms: Math.round(performance.now() - start) }, 'job done')
        } catch (error) {
          log.error({ service, job: name, attempt: helpers.job.attempts, err: error }, 'job failed')
          throw error
        }
      },
    ]),
  )
  const runner = await run({
    pgPool: pool,
    taskList,
    concurrency: options.concurrency ?? 2,
    pollInterval: 1000,
    noHandleSignals: true,
    parsedCronItems: parseCronItems(
      Object.entries({ 'expire-idempotency': '17 * * * *', ...options.schedule }).map(([task, match]) => ({
        task,
        match,
      })),
    ),
    logger: quiet,
  })
  const loops = (options.loops ?? []).map((loop) => loop(stopping.signal))
  return {
    async stop() {
      stopping.abort()
      await Promise.allSettled([runner.stop(), ...loops])
      await pool.end()
    },
  }
}

/** The worker's own log lines, of which only errors are ours to repeat. */
const quiet = new Logger(() => (level, message) => {
  if (level === 'error') log.error({ component: 'graphile-worker' }, message)
})
