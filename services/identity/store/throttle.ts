import type { Tx } from '#kit/tx.ts'
import { forgetAfter, pauseAfter, type ThrottleKind } from '../domain/throttle.ts'

interface Counter {
  failures: number
  /** Seconds to wait; zero or less: none. */
  wait: number
}

/**
 * Counts an attempt as failed before the password is looked at, so that parallel guesses don't slip through; a
 * success takes it back. Returns the seconds to wait when no attempt is taken now.
 */
export async function beginAttempt(tx: Tx, keys: Record<ThrottleKind, string>): Promise<number> {
  const kinds: ThrottleKind[] = ['account', 'address']
  const counters: Counter[] = []
  // In this order for everybody: no deadlock.
  for (const kind of kinds) counters.push(await lockCounter(tx, kind, keys[kind]))
  const wait = Math.max(...counters.map((counter) => counter.wait))
  if (wait > 0) return Math.ceil(wait)
  for (const [index, kind] of kinds.entries()) {
    const failures = counters[index]!.failures + 1
    await tx.query(
      `update login_throttle set failures = $3, last_at = clock_timestamp(),
         blocked_until = clock_timestamp() + make_interval(secs => $4)
       where kind = $1 and key = $2`,
      [kind, keys[kind], failures, pauseAfter(kind, failures)],
    )
  }
  return 0
}

async function lockCounter(tx: Tx, kind: ThrottleKind, key: string): Promise<Counter> {
  const [row] = await tx.query<Counter>(
    `insert into login_throttle as known (kind, key, failures, blocked_until, last_at)
     values ($1, $2, 0, clock_timestamp(), clock_timestamp())
     on conflict (kind, key) do update set failures =
       case when known.last_at < clock_timestamp() - make_interval(secs => $3) then 0 else known.failures end
     returning failures, extract(epoch from blocked_until - clock_timestamp())::float8 as wait`,
    [kind, key, forgetAfter],
    'throttle_lock',
  )
  return row!
}

/** The attempt was no failure: the account's count ends, the address's pause too. */
export async function endAttempt(tx: Tx, keys: Record<ThrottleKind, string>): Promise<void> {
  await tx.query(`delete from login_throttle where kind = 'account' and key = $1`, [keys.account])
  await tx.query(
    `update login_throttle set failures = greatest(failures - 1, 0), blocked_until = clock_timestamp()
     where kind = 'address' and key = $1`,
    [keys.address],
  )
}
