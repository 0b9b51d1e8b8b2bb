import { setTimeout as sleep } from 'node:timers/promises'
import { backgroundCall } from '#kit/call.ts'
import type { Database } from '#kit/database.ts'
import { log } from '#kit/log.ts'
import { DomainError, RemoteProblem } from '#kit/problem.ts'
import { recorder, timed } from '#kit/telemetry.ts'
import type { Clients } from './clients.ts'
import { kinds } from './contract.ts'
import { afterFailure, type Failure, type Kind, type Process, type State } from './domain/process.ts'
import { steps } from './steps/index.ts'
import { leaseOf, type Outcome, type StepContext } from './steps/step.ts'
import { acrossTenants, type Claim, claim, processOf, release } from './store.ts'

/** How often to look for what is due, in milliseconds. */
const pollInterval = 1000
export interface Runner {
  /** Takes the next step of what is due; answers how many. */
  runDue(): Promise<number>
  /** One of each kind. */
  loops: ((signal: AbortSignal) => Promise<void>)[]
}

/**
 * Takes the steps of what is due. A process is claimed by a lease, its step runs outside of any transaction, and what
 * came of it is recorded in one. After a crash the lease runs out, and the step is taken again.
 */
export function runner(database: Database, clients: Clients, clock = () => new Date()): Runner {
  const background = (operation: string) =>
    backgroundCall({ service: 'lifecycle', operation, deadline: 5000 })

  const claimSome = (kind: Kind, limit: number) =>
    database.unscoped(background('claim'), async (tx) => {
      await acrossTenants(tx)
      return claim(tx, clock(), kind, leaseOf(steps[kind]), limit)
    })

  async function run(claimed: Claim): Promise<void> {
    const { tenant, id, kind, attempts, revision, dueAt } = claimed
    const job = { 'staffmesh.job': kind }
    recorder?.measure('staffmesh.job.lag', (clock().getTime() - dueAt.getTime()) / 1000, job)
    try {
      await timed(
        {
          kind: 'consumer',
          name: `process ${kind}`,
          attributes: { ...job, 'staffmesh.tenant': tenant, 'staffmesh.attempt': attempts },
          metric: 'staffmesh.job.duration',
        },
        async (traceparent) => {
          const call = await clients.jobCall({
            tenant,
            operation: kind,
            idempotencyKey: `process/${id}/${revision}`,
            deadline: steps[kind].deadline,
            traceparent,
          })
          await record(claimed, await takeStep(processOf(claimed), { clients, call, now: clock() }))
        },
      )
    } catch (error) {
      await recordFailure(claimed, error)
    }
  }

  const record = (process: Claim, { next, progress, save }: Outcome<Kind>) =>
    database.write(
      background('record'),
      async (tx) => {
        // Another worker has taken over: nothing of this counts.
        if (!(await release(tx, process, next, clock(), { progress }))) return
        await save?.(tx)
      },
      process.tenant,
    )

  async function recordFailure(process: Claim, error: unknown): Promise<void> {
    const failure = failureOf(error)
    const isGone = failure.code === 'tenant-not-found'
    const next: State = isGone
      ? { state: 'done', why: 'tenant-gone' }
      : afterFailure(failure, process.attempts, clock())
    const { id, kind, attempts } = process
    log.warn({ process: id, kind, attempts, state: next.state, error: failure.code }, 'step failed')
    await database
      .write(
        background('record'),
        (tx) => release(tx, process, next, clock(), { error: failure.code }),
        process.tenant,
      )
      // The lease runs out by itself.
      .catch((error) => log.error({ process: id, err: error }, 'a failure cannot be recorded'))
  }

  async function keepTaking(kind: Kind, signal: AbortSignal): Promise<void> {
    const { places } = steps[kind]
    const running = new Set<Promise<void>>()
    while (!signal.aborted) {
      const claimed = await claimSome(kind, places - running.size).catch((error) => {
        log.error({ err: error }, 'what is due cannot be read')
        return []
      })
      for (const each of claimed) {
        const step = run(each).finally(() => running.delete(step))
        running.add(step)
      }
      // A step that hangs holds up nobody: as soon as another has ended, its place is taken.
      if (running.size === places) await Promise.race(running)
      else if (claimed.length === 0) await Promise.race([pause(signal), ...running])
    }
    await Promise.all(running)
  }

  return {
    async runDue() {
      const claimed = (await Promise.all(kinds.map((kind) => claimSome(kind, steps[kind].places)))).flat()
      await Promise.all(claimed.map(run))
      return claimed.length
    },

    loops: kinds.map((kind) => (signal) => keepTaking(kind, signal)),
  }
}

const pause = (signal: AbortSignal) => sleep(pollInterval, undefined, { signal }).catch(() => {})

function takeStep(process: Process, context: StepContext): Promise<Outcome<Kind>> {
  switch (process.kind) {
    case 'account':
      return steps.account.take(process, context)
    case 'leave-projection':
      return steps['leave-projection'].take(process, context)
    case 'tenant-export':
      return steps['tenant-export'].take(process, context)
    case 'tenant-deletion':
      return steps['tenant-deletion'].take(process, context)
    case 'erasure':
      return steps.erasure.take(process, context)
  }
}

/** Refusals by which a callee says: not now. */
const passing = new Set([
  'unavailable',
  'deadline-exceeded',
  'idempotency-conflict',
  'too-many-requests',
  'unauthenticated',
])

/** What a failure means; only its code is kept, since details may name a person. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof DomainError)) {
    log.error({ err: error }, 'a step failed unexpectedly')
    return { kind: 'unexpected', code: 'internal' }
  }
  const code = /^[a-z-]{1,60}$/.test(error.code) ? error.code : 'internal'
  const isOutage = passing.has(code) || (error instanceof RemoteProblem && error.status >= 500)
  return { kind: isOutage ? 'outage' : 'refusal', code }
}
