import type { Account } from 'oidc-provider'
import { backgroundCall } from '#kit/call.ts'
import type { Database } from '#kit/database.ts'
import { isUsable } from '../domain/account.ts'
import { claimOf } from '../domain/roles.ts'
import { findSubject, type Subject } from '../store/login.ts'

const call = () => backgroundCall({ service: 'identity', operation: 'oidc', deadline: 5000 })

/** The account behind a session or token; undefined when it may not be used any more, which ends both. */
export async function usableSubject(database: Database, account: string): Promise<Subject | undefined> {
  if (!/^[0-9a-f-]{36}$/.test(account)) return undefined
  const subject = await database.unscoped(call(), (tx) => findSubject(tx, account))
  return subject && isUsable(subject, new Date()) ? subject : undefined
}

/** Standard claims by scope. */
export function userClaims(subject: Subject, scopes: ReadonlySet<string>) {
  return {
    sub: subject.account,
    ...(scopes.has('profile') && subject.displayName ? { name: subject.displayName } : {}),
    ...(scopes.has('email') ? { email: subject.email } : {}),
  }
}

/** What an access token says beyond the standard. */
export const tokenClaims = (subject: Subject, client: string) => ({
  tid: subject.tenant,
  azp: client,
  roles: claimOf(subject.roles),
  ...(subject.employeeId ? { emp: subject.employeeId } : {}),
})

/** An account as the OIDC library wants it; `activeUntil` is ours, for `lifetimeOf`. */
export const oidcAccount = (subject: Subject): Account => ({
  accountId: subject.account,
  activeUntil: subject.activeUntil,
  claims: (_use, scope) => userClaims(subject, new Set(scope.split(' '))),
})

/** Seconds that a token of an account may live: no longer than the account is active. */
export function lifetimeOf(account: Account | undefined, longest: number): number {
  const until = account?.activeUntil
  if (!(until instanceof Date)) return longest
  return Math.max(1, Math.min(longest, Math.floor((until.getTime() - Date.now()) / 1000)))
}
