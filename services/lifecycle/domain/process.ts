import { z } from 'zod'
import { type kinds, recordKinds } from '../contract.ts'

export type Kind = (typeof kinds)[number]

/**
 * - `scheduled`: the next step is taken at an instant, which may have come
 * - `waiting`: for a fact, which an event will tell
 * - `stuck`: a rule refused it, or it kept failing; an operator or a new fact sets it going again
 * - `done`: nothing to do until something new is known
 */
export type State =
  | { state: 'scheduled'; at: Date; why: Reason | null }
  | { state: 'waiting'; why: 'email-missing' }
  | { state: 'stuck'; why: string }
  | { state: 'done'; why: 'cancelled' | 'tenant-gone' | null }

/** Why a step is taken later than now. */
export type Reason =
  | 'joining-day'
  | 'leaving-day'
  | 'manager-change'
  | 'grace-period'
  | 'late-facts'
  | 'export-expiry'
  | 'retry'

/** What the steps of a process remember and begin with: ids, counts and words, never a personal value. */
export const progressOf = {
  account: z.object({
    /** Access was ended because the employment was; only what ended so is enabled again. */
    ended: z.boolean().default(false),
    /** The instant that identity was told ahead as the end of access. */
    endsAt: z.iso.datetime().nullable().default(null),
    /** Whether the account was last provisioned as that of a manager; null: never provisioned. */
    manager: z.boolean().nullable().default(null),
    /** Whose report the employee was when last looked at. */
    reportsTo: z.uuid().nullable().default(null),
  }),
  'leave-projection': z.object({}),
  'tenant-export': z.object({
    /** What is collected now, in this order. */
    phase: z.enum([...recordKinds, 'complete', 'expired']).default('org-unit'),
    expiresAt: z.iso.datetime().nullable().default(null),
    cursor: z.string().nullable().default(null),
    pages: z.int().default(0),
    records: z.int().default(0),
  }),
  'tenant-deletion': z.object({
    /**
     * close: keep everybody out; grace: may still be called off; remove: directory's data goes, round by round, then
     * (remove-leave) that of leave; forget: what remains goes, the tenant last; removed and cancelled: over
     */
    phase: z.enum(['close', 'grace', 'remove', 'remove-leave', 'forget', 'removed', 'cancelled']),
    deleteAt: z.iso.datetime(),
    rounds: z.int().default(0),
  }),
  erasure: z.object({}),
} satisfies Record<Kind, z.ZodObject>

export type Progress<K extends Kind> = z.output<(typeof progressOf)[K]>

export interface ProcessOf<K extends Kind> {
  tenant: string
  id: string
  kind: K
  subject: string
  revision: number
  /** How often the step has been begun since it last succeeded. */
  attempts: number
  progress: Progress<K>
}
export type Process = { [K in Kind]: ProcessOf<K> }[Kind]

const second = 1000
const longestPause = 5 * 60 * second
/** A failure that nobody expected is tried this often before somebody has to look. */
const unexpectedAttempts = 8

/** How a failure looks from outside: `unexpected` is none that a contract declares. */
export type Failure =
  | { kind: 'outage'; code: string }
  | { kind: 'refusal'; code: string }
  | { kind: 'unexpected'; code: string }

/**
 * An outage is waited out however long it lasts; a refusal stops at once, since the same question gets the same
 * answer.
 */
export function afterFailure(failure: Failure, attempts: number, now: Date): State {
  const ends = failure.kind === 'refusal' || (failure.kind === 'unexpected' && attempts >= unexpectedAttempts)
  if (ends) return { state: 'stuck', why: failure.code }
  const pause = Math.min(longestPause, second * 2 ** Math.min(attempts - 1, 20))
  return { state: 'scheduled', at: new Date(now.getTime() + pause), why: 'retry' }
}
