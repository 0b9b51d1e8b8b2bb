import type { Reach, Role } from '#kit/contract.ts'

export interface Assignment {
  role: Role
  reach: Reach
}

const width: Record<Reach, number> = { self: 0, reports: 1, all: 2 }

/** The widest reach that a role can be given. */
const widest: Record<Role, Reach> = {
  employee: 'self',
  manager: 'reports',
  'hr-admin': 'all',
  operator: 'all',
}

const isWider = (a: Reach, b: Reach) => width[a] > width[b]

/** Whether the role exists with that reach: an employee beyond himself or a manager over all is none. */
export const isRole = ({ role, reach }: Assignment) => !isWider(reach, widest[role])

/** One assignment a role, the widest, in a stable order. */
export function effective(assignments: readonly Assignment[]): Assignment[] {
  const best = new Map<Role, Reach>()
  for (const { role, reach } of assignments) {
    const known = best.get(role)
    if (!known || isWider(reach, known)) best.set(role, reach)
  }
  return [...best].map(([role, reach]) => ({ role, reach })).sort((a, b) => (a.role < b.role ? -1 : 1))
}

export const isSame = (a: readonly Assignment[], b: readonly Assignment[]) =>
  JSON.stringify(effective(a)) === JSON.stringify(effective(b))

/** The `roles` claim: `role:reach`. */
export const claimOf = (assignments: readonly Assignment[]) =>
  effective(assignments).map(({ role, reach }) => `${role}:${reach}`)

/**
 * Whether somebody with these grants may change an account's granted roles from `before` to `after`. Only operators
 * make or unmake operators; an HR administrator gives nobody a wider reach than his own.
 */
export function mayChange(
  grants: readonly Assignment[],
  before: readonly Assignment[],
  after: readonly Assignment[],
): boolean {
  if (!after.every(isRole)) return false
  const has = (list: readonly Assignment[], { role, reach }: Assignment) =>
    list.some((entry) => entry.role === role && entry.reach === reach)
  const changed = [...before.filter((it) => !has(after, it)), ...after.filter((it) => !has(before, it))]
  const isOperator = grants.some(({ role }) => role === 'operator')
  const admin = grants.find(({ role }) => role === 'hr-admin')
  return changed.every(
    ({ role, reach }) => isOperator || (role !== 'operator' && !!admin && !isWider(reach, admin.reach)),
  )
}
