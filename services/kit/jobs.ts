import { EventEmitter } from 'node:events'
import { type JobHelpers, Logger, parseCronItems, run, type WorkerEvents } from 'graphile-worker'
import { backgroundCall, type Call } from './call.ts'
import { log, traceOf } from './log.ts'
import { openPool } from './pool.ts'
import { recorder, timed } from './telemetry.ts'
import { releaseOrphans } from './worker-lock.ts'

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
  /** Milliseconds in which running jobs may finish when the worker stops; then they are aborted and run later. */
  grace?: number
}

/** Works off the queue of a service until stopped. Then loops end at once, jobs have the grace to finish. */
export async function work(
  service: string,
  workerUrl: string,
  options: JobsOptions,
): Promise<{ stop(): Promise<void> }> {
  const concurrency = options.concurrency ?? 2
  const pool = openPool({ connectionString: workerUrl, max: concurrency + 2 })
  const stopping = new AbortController()
  const expireIdempotency: Job = async () => {
    await pool.query(`delete from idempotency where created_at < now() - interval '24 hours'`)
  }
  const jobs: Record<string, Job> = { ...options.jobs, 'expire-idempotency': expireIdempotency }
  const schedule = { 'expire-idempotency': '17 * * * *', ...options.schedule }
  const events: WorkerEvents = new EventEmitter()
  const orphans = releaseOrphans(pool, workerUrl, events)
  const runner = await run({
    pgPool: pool,
    events,
    taskList: Object.fromEntries(
      Object.entries(jobs).map(([name, job]) => [name, taskOf(service, name, job, options)]),
    ),
    concurrency,
    pollInterval: 1000,
    gracefulShutdownAbortTimeout: options.grace ?? 20_000,
    noHandleSignals: true,
    parsedCronItems: parseCronItems(Object.entries(schedule).map(([task, match]) => ({ task, match }))),
    logger: quiet,
  })
  // It ends only when it is told to. A worker that does nothing must not look alive: unhandled, this ends the process.
  void runner.promise.then(() => {
    if (!stopping.signal.aborted) throw new Error('The job runner has ended')
  })
  const loops = (options.loops ?? []).map((loop) => loop(stopping.signal))
  for (const loop of loops)
    loop.catch((error) => log.error({ service, err: error }, 'a loop of the worker ended'))
  return {
    async stop() {
      stopping.abort()
      await Promise.allSettled([runner.stop(), ...loops])
      await orphans.stop()
      await pool.end()
    },
  }
}

function taskOf(service: string, name: string, job: Job, options: JobsOptions) {
  return async (raw: unknown, helpers: JobHelpers): Promise<void> => {
    const { traceparent, ...payload } = { tenant: '', ...(raw as object) } as JobPayload & {
      traceparent?: string
    }
    const { attempts, run_at, id, created_at } = helpers.job
    const deadline = options.deadline ?? 600_000
    const limit = new AbortController()
    const abort = () => limit.abort()
    const timer = setTimeout(abort, deadline)
    helpers.abortSignal?.addEventListener('abort', abort)
    const attributes = { 'staffmesh.job': name }
    const lag = Math.max(0, Date.now() - new Date(run_at).getTime())
    recorder?.measure('staffmesh.job.lag', lag / 1000, attributes)
    const start = performance.now()
    const line = {
      service,
      job: name,
      attempt: attempts,
      ...(payload.tenant ? { tenant: payload.tenant } : {}),
    }
    let trace = traceparent
    const seen = () => ({ ...line, ms: Math.round(performance.now() - start), ...traceOf(trace) })
    try {
      await timed(
        {
          kind: 'consumer',
          name: `process ${name}`,
          // A trace of its own: the request that enqueued it has long been answered.
          links: traceparent ? [traceparent] : [],
          attributes: {
            ...attributes,
            'staffmesh.tenant': payload.tenant || undefined,
            'staffmesh.attempt': attempts,
          },
          metric: 'staffmesh.job.duration',
        },
        (own) => {
          trace = own ?? traceparent
          const background = {
            service,
            operation: name,
            ...(payload.tenant ? { tenant: payload.tenant } : {}),
            deadline,
            // The same in each attempt. The number alone could come again after a restore.
            idempotencyKey: `job/${id}.${created_at.getTime()}`,
            traceparent: trace,
          }
          const call = backgroundCall(background, limit.signal)
          return job(payload as JobPayload, call)
        },
      )
      log.info(seen(), 'job done')
    } catch (error) {
      log.error({ ...seen(), err: error }, 'job failed')
      throw error
    } finally {
      clearTimeout(timer)
      helpers.abortSignal?.removeEventListener('abort', abort)
    }
  }
}

/** The worker's own log lines, of which only errors are ours to repeat, without what a job's error quotes. */
const quiet = new Logger(() => (level, message) => {
  if (level === 'error') log.error({ component: 'graphile-worker' }, message.replace(/ with error '.*/s, ''))
})
