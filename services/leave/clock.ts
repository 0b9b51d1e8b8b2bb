import type { Environment } from '#kit/config.ts'
import { instant } from '#kit/schemas.ts'

/** What "now" is for leave. */
export type Clock = () => Date

export const systemClock: Clock = () => new Date()

/**
 * The clock of this process: the system's, or in the local run one that `LEAVE_NOW` has set (an instant, from which it
 * goes on). In a mesh nobody may turn it, since entitlements would come and go with it.
 */
export function clockOf(env: Environment = process.env): Clock {
  const set = env.LEAVE_NOW
  if (set === undefined) return systemClock
  if (env.IDENTITY_HEADERS !== 'loopback')
    throw new Error('LEAVE_NOW sets the clock of the local run only: remove it here')
  if (!instant.safeParse(set).success)
    throw new Error(`LEAVE_NOW must be an instant such as 2027-01-01T00:00:00Z, not ${set}`)
  const begin = Date.parse(set)
  const started = Date.now()
  return () => new Date(begin + Date.now() - started)
}
