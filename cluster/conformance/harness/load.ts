import { percentile } from './percentile.ts'

/** A request that is sent again and again. */
export interface Call {
  name: string
  /** Rejects where the answer is not what a client may expect; one that stays open ends with the signal. */
  send(stopped: AbortSignal): Promise<void>
}

export interface Failure {
  call: string
  /** When it was sent, and when it failed. */
  sent: string
  failed: string
  reason: string
}

export interface Outcome {
  answered: number
  failures: Failure[]
  /** Milliseconds from when a request was due, so that waiting for the machine counts. */
  latency: { p50: number; p90: number; p99: number; longest: number }
}

export interface Load {
  /** So far; it grows. */
  readonly failures: readonly Failure[]
  /** Answered so far, by name of the call. */
  readonly answered: ReadonlyMap<string, number>
  /** Sends nothing more and waits for what is under way. */
  stop(): Promise<Outcome>
}

/**
 * Constant load: the calls in turn at a fixed rate, whether or not those before have been answered, as clients do who
 * know nothing of each other. Nothing is sent a second time: a failed request is a failed request.
 *
 * @param perSecond requests a second, of all calls together
 * @param streams calls that stay open; each is sent again as soon as it ends
 */
export function startLoad(calls: readonly Call[], perSecond: number, streams: readonly Call[] = []): Load {
  const failures: Failure[] = []
  const answered = new Map<string, number>()
  const took: number[] = []
  const open = new Set<Promise<void>>()
  const begun = Date.now()
  const stopped = new AbortController()
  let sent = 0

  const send = (call: Call, due: number): Promise<void> => {
    const result = call
      .send(stopped.signal)
      .then(
        () => {
          answered.set(call.name, (answered.get(call.name) ?? 0) + 1)
        },
        (error: unknown) => {
          failures.push({
            call: call.name,
            sent: new Date(due).toISOString(),
            failed: new Date().toISOString(),
            reason: reasonOf(error),
          })
        },
      )
      .then(() => {
        if (!streams.includes(call)) took.push(Date.now() - due)
        open.delete(result)
      })
    open.add(result)
    return result
  }

  const pace = setInterval(() => {
    const due = Math.floor(((Date.now() - begun) * perSecond) / 1000)
    for (; sent < due; sent++) void send(calls[sent % calls.length]!, begun + (sent * 1000) / perSecond)
  }, 5)

  const held = streams.map(async (stream) => {
    while (!stopped.signal.aborted) await send(stream, Date.now())
  })

  return {
    failures,
    answered,
    async stop() {
      clearInterval(pace)
      stopped.abort()
      await Promise.all([...open, ...held])
      return {
        answered: [...answered.values()].reduce((sum, count) => sum + count, 0),
        failures,
        latency: percentilesOf(took),
      }
    },
  }
}

/** What a person needs to know of an error: undici tells it in causes. */
function reasonOf(error: unknown): string {
  const { message, code, cause } = error as Error & { code?: string }
  return [message, code, cause && reasonOf(cause)].filter(Boolean).join(': ')
}

function percentilesOf(values: readonly number[]): Outcome['latency'] {
  const at = (share: number) => percentile(values, share)
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), longest: at(1) }
}
