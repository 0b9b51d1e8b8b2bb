import type { Reach, Role } from './contract.ts'
import { DomainError } from './problem.ts'
import type { Scope } from './schemas.ts'

/** Headers that a verified token's claims become (by the local edge, or by each sidecar in the mesh). */
export const identityHeaders = {
  sub: 'x-staffmesh-account',
  tid: 'x-staffmesh-tenant',
  azp: 'x-staffmesh-client',
  emp: 'x-staffmesh-employee',
  roles: 'x-staffmesh-roles',
} as const

/** Audiences of access tokens. The edge takes only the first. */
export const audiences = { user: 'staffmesh', job: 'staffmesh-jobs' } as const

export interface Grant {
  role: Role
  reach: Reach
}

export interface Caller {
  tenant: string
  /** Account id, or `job:<service>` for background work. */
  account: string
  /** OAuth client, the `azp` claim. */
  client: string
  /** The employee whom the account belongs to. */
  employee?: string
  grants: readonly Grant[]
  /** As received, to travel on. */
  headers: Readonly<Record<string, string>>
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Reads the caller from the headers that the edge or the sidecar vouches for; undefined without a token. */
export function callerFrom(header: (name: string) => string | undefined): Caller | undefined {
  const tenant = header(identityHeaders.tid)
  const account = header(identityHeaders.sub)
  if (!tenant || !account) return undefined
  if (!uuid.test(tenant)) throw new DomainError('unauthenticated', { detail: 'The token names no tenant' })
  const client = header(identityHeaders.azp) ?? 'unknown'
  const employee = header(identityHeaders.emp)
  const roles = header(identityHeaders.roles)
  const headers: Record<string, string> = {
    [identityHeaders.tid]: tenant,
    [identityHeaders.sub]: account,
    [identityHeaders.azp]: client,
  }
  if (employee) headers[identityHeaders.emp] = employee
  if (roles) headers[identityHeaders.roles] = roles
  const authorization = header('authorization')
  if (authorization) headers.authorization = authorization
  return { tenant, account, client, ...(employee ? { employee } : {}), grants: grantsFrom(roles), headers }
}

/** The `roles` claim is an array of `role:reach`; Istio hands arrays on as base64 of JSON. */
function grantsFrom(encoded: string | undefined): Grant[] {
  if (!encoded) return []
  try {
    const roles: unknown = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8'))
    if (!Array.isArray(roles)) throw new TypeError()
    return roles.map((entry) => {
      const [role, reach] = String(entry).split(':')
      return { role: role as Role, reach: reach as Reach }
    })
  } catch {
    throw new DomainError('unauthenticated', { detail: 'The roles of the token cannot be read' })
  }
}

/** The claim as a header value, the way Istio writes it. */
export const encodeRoles = (roles: readonly string[]) => Buffer.from(JSON.stringify(roles)).toString('base64')

const width: Record<Reach, number> = { self: 0, reports: 1, all: 2 }

/** The widest reach that the caller's roles give for an operation: the narrower of assignment and declaration. */
export function scopeFor(caller: Caller, roles: Partial<Record<Role, Reach>>): Scope | undefined {
  let widest: Reach | undefined
  for (const { role, reach } of caller.grants) {
    const declared = Object.hasOwn(roles, role) ? roles[role] : undefined
    if (!declared || !Object.hasOwn(width, reach)) continue
    const given = width[reach] < width[declared] ? reach : declared
    if (given !== 'all' && !caller.employee) continue
    if (!widest || width[given] > width[widest]) widest = given
  }
  if (!widest) return undefined
  return widest === 'all' ? { reach: 'all' } : { reach: widest, employeeId: caller.employee! }
}

/** A data service's own check: no application service may ask for more than the token's assignments give. */
export function assertScope(caller: Caller, scope: Scope): void {
  if (caller.account.startsWith('job:')) return
  const covered =
    caller.grants.some(({ reach }) => width[reach] >= width[scope.reach]) &&
    (scope.reach === 'all' || scope.employeeId === caller.employee)
  if (!covered) throw new DomainError('forbidden', { detail: 'The token does not reach that far' })
}
