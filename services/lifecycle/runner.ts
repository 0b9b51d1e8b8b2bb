import { setTimeout as sleep } from 'node:timers/promises'
import { backgroundCall } from '#kit/call.ts'
import type { Database } from '#kit/database.ts'
import { causesOf } from '#kit/events.ts'
import { log } from '#kit/log.ts'
import { DomainError, RemoteProblem } from '#kit/problem.ts'
import { recorder, timed } from '#kit/telemetry.ts'
import type { Clients } from './clients.ts'
import { kinds } from './contract.ts'
import { afterFailure, type Failure, type Kind, type Process, type State } from './domain/process.ts'
import { steps } from './steps/index.ts'
import { leaseOf, type Outcome, type Step, type StepContext } from './steps/step.ts'
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
  const background = (operation: string, traceparent?: string) =>
    backgroundCall({ service: 'lifecycle', operation, deadline: 5000, traceparent })

  const claimSome = (kind: Kind, places: number) =>
    database.unscoped(background('claim'), async (tx) => {
      await acrossTenants(tx)
      const { together } = steps[kind]
      return claim(tx, clock(), { kind, lease: leaseOf(steps[kind]), places, most: together?.most ?? 1 })
    })

  /** Takes the steps of processes of one kind and tenant. */
  async function run(claimed: readonly Claim[]): Promise<void> {
    const [{ tenant, id, kind, attempts, revision }] = claimed as [Claim]
    const job = { 'staffmesh.job': kind }
    for (const { dueAt } of claimed)
      recorder?.measure('staffmesh.job.lag', (clock().getTime() - dueAt.getTime()) / 1000, job)
    try {
      await timed(
        {
          kind: 'consumer',
          name: `process ${kind}`,
          links: causesOf(claimed),
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
          const outcomes = await takeSteps(claimed.map(processOf), { clients, call, now: clock() })
          await record(claimed, outcomes, traceparent)
        },
      )
    } catch (error) {
      const failure = failureOf(error)
      const concernsAll = failure.kind === 'outage' || failure.code === tenantGone
      // One of many may be at fault: each by itself, so that the others are not held up.
      if (claimed.length > 1 && !concernsAll) for (const each of claimed) await run([each])
      else for (const each of claimed) await recordFailure(each, failure)
    }
  }

  const record = (
    claimed: readonly Claim[],
    outcomes: readonly Outcome<Kind>[],
    traceparent: string | undefined,
  ) =>
    database.write(
      background('record', traceparent),
      (tx) =>
        Promise.all(
          claimed.map(async (process, i) => {
            const { next, progress, save } = outcomes[i]!
            // Another worker has taken over: nothing of this counts.
            if (!(await release(tx, process, next, clock(), { progress }))) return
            await save?.(tx)
          }),
        ),
      claimed[0]!.tenant,
    )

  async function recordFailure(process: Claim, failure: Failure): Promise<void> {
    const isGone = failure.code === tenantGone
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
      return claimed.flat().length
    },

    loops: kinds.map((kind) => (signal) => keepTaking(kind, signal)),
  }
}

const pause = (signal: AbortSignal) => sleep(pollInterval, undefined, { signal }).catch(() => {})

/** Processes are of one kind; more than one only where the kind takes many together. */
function takeSteps(processes: readonly Process[], context: StepContext): Promise<Outcome<Kind>[]> {
  const step = steps[processes[0]!.kind] as Step<Kind>
  return processes.length > 1
    ? step.together!.take(processes, context)
    : step.take(processes[0]!, context).then((outcome) => [outcome])
}

/** What identity answers when it is asked for a token of a tenant that was deleted. */
const tenantGone = 'tenant-not-found'

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
