import type { Tx } from '#kit/tx.ts'
import { forgetAfter } from '../domain/throttle.ts'

/** Removes what has expired: nothing reads it any more. */
export async function deleteExpired(tx: Tx): Promise<void> {
  await tx.query('delete from oidc_artifact where expires_at < now()')
  await tx.query('delete from login_throttle where last_at < now() - make_interval(secs => $1)', [
    forgetAfter,
  ])
}
