import type { Scope } from '#kit/schemas.ts'
import { scopeValues } from '#kit/scope.ts'
import type { Tx } from '#kit/tx.ts'
import { refuse } from '../domain/refuse.ts'

/** Whom the scope does not reach is not found. `own`: whether it is for people to do for themselves. */
export async function assertReaches(tx: Tx, scope: Scope, employeeId: string, own: boolean): Promise<void> {
  const [row] = await tx.query(
    'select 1 from employee where id = $1 and in_scope($2, $3, id, $4)',
    [employeeId, ...scopeValues(scope), own],
    'employee_in_scope',
  )
  if (!row) throw refuse('employee-not-found')
}

/** What people do for themselves, or HR does for them; nobody else. */
export const isOwnOrHr = (scope: Scope, employeeId: string): boolean =>
  scope.reach === 'all' || scope.employeeId === employeeId
