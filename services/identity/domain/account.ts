/** What decides whether an account may be used. */
export interface Standing {
  status: 'open' | 'disabled' | 'erased'
  activeUntil: Date | null
  tenantStatus: 'active' | 'suspended' | 'deleted'
}

/** Whether somebody may log in with the account, or go on with a session or a refresh token. */
export const isUsable = ({ status, activeUntil, tenantStatus }: Standing, now: Date) =>
  status === 'open' && tenantStatus === 'active' && (activeUntil === null || activeUntil > now)

/** What others see: an open account without a password is invited, one past its end is disabled. */
export function statusOf(
  { status, activeUntil }: Pick<Standing, 'status' | 'activeUntil'>,
  hasPassword: boolean,
  now: Date,
): 'invited' | 'active' | 'disabled' | 'erased' {
  if (status !== 'open') return status
  if (activeUntil !== null && activeUntil <= now) return 'disabled'
  return hasPassword ? 'active' : 'invited'
}

/** Whether a fact of that version still counts: one that is older than what is known does not. */
export const isCurrent = (known: number, version: number | undefined) =>
  version === undefined || version >= known

/** E-mail addresses are compared without regard to case. */
export const normalizeEmail = (email: string) => email.trim().toLowerCase()
