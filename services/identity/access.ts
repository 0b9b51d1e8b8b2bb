import { callerOf } from '#kit/call.ts'
import type { AnswerOf, ParsedInputOf } from '#kit/contract.ts'
import { DomainError, refusals } from '#kit/problem.ts'
import type { Tx } from '#kit/tx.ts'
import { identityContract } from './contract.ts'

export const refuse = refusals(identityContract.problems)

type Operations = (typeof identityContract)['operations']
export type Input<K extends keyof Operations> = ParsedInputOf<Operations[K]>
export type Answer<K extends keyof Operations> = AnswerOf<Operations[K]>

export const isJob = (tx: Tx) => callerOf(tx.call).account.startsWith('job:')

const has = (tx: Tx, role: 'operator' | 'hr-admin') =>
  callerOf(tx.call).grants.some((grant) => grant.role === role && grant.reach === 'all')

/** Operators administer the platform's own tenant; none has a token for another. */
export const isAdministrator = (tx: Tx) => isJob(tx) || has(tx, 'hr-admin') || has(tx, 'operator')

/** Changes of accounts are for HR administrators and background work, whatever the application service decided. */
export function demandAdministrator(tx: Tx): void {
  if (!isAdministrator(tx)) throw new DomainError('forbidden', { detail: 'This is for HR administrators' })
}

/** Other tenants are for operators; background work acts in the one tenant that its token names. */
export function demandTenant(tx: Tx, tenant: string): void {
  if (isJob(tx) ? tx.tenant !== tenant : !has(tx, 'operator'))
    throw new DomainError('forbidden', { detail: 'This is for operators' })
}

export function demandOperator(tx: Tx): void {
  if (!has(tx, 'operator')) throw new DomainError('forbidden', { detail: 'This is for operators' })
}

/** A cursor of this service is the id of the last item. */
export function idFrom(cursor: string | undefined): string | undefined {
  if (cursor !== undefined && !/^[0-9a-f-]{36}$/.test(cursor))
    throw new DomainError('invalid-input', {
      detail: '/cursor: Is not a cursor of this list',
      errors: [{ pointer: '/cursor', rule: 'cursor', detail: 'Is not a cursor of this list' }],
    })
  return cursor
}
