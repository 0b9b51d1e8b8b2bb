import { DomainError } from '#kit/problem.ts'
import type { Scope } from '#kit/schemas.ts'
import type { Tx } from '#kit/tx.ts'
import { refuse } from '../domain/refuse.ts'

/** A scope as the parameters `reach` and `caller` of the SQL function in_scope. */
export const scopeValues = (scope: Scope): [string, string | null] => [
  scope.reach,
  scope.reach === 'all' ? null : scope.employeeId,
]

/** What concerns the whole tenant is not for a scope of some people. */
export function assertWholeTenant(scope: Scope): void {
  if (scope.reach !== 'all')
    throw new DomainError('forbidden', { detail: 'This needs a role that reaches all' })
}

/** Whom the scope does not reach is not found. `own`: whether it is for people to do for themselves. */
export async function assertReaches(tx: Tx, scope: Scope, employeeId: string, own: boolean): Promise<void> {
  const [row] = await tx.query(
    'select 1 from employee where id = $1 and in_scope($2, $3, id, $4)',
    [employeeId, ...scopeValues(scope), own],
    'employee_in_scope',
  )
  if (!row) throw refuse('employee-not-found')
}
