import { DomainError } from './problem.ts'
import type { Scope } from './schemas.ts'

/** A scope as the parameters `reach` and `caller` of a service's SQL function in_scope. */
export const scopeValues = (scope: Scope): [string, string | null] => [
  scope.reach,
  scope.reach === 'all' ? null : scope.employeeId,
]

/** What concerns the whole tenant is not for a scope of some people. */
export function assertWholeTenant(scope: Scope): void {
  if (scope.reach !== 'all')
    throw new DomainError('forbidden', { detail: 'This needs a role that reaches all' })
}
