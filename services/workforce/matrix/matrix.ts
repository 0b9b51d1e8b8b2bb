import type { Contract, InputOf, Operation, OutputOf, Reach, Role } from '#kit/contract.ts'

/** How the caller stands to what an operation is about. Someone or something of another tenant is `foreign`. */
export const relations = ['self', 'direct', 'indirect', 'peer', 'foreign'] as const
export type Relation = (typeof relations)[number]

/**
 * What callers come with. Assignments wider and narrower than an operation declares are among them: the narrower of
 * both must count. `none` is a valid token without roles.
 */
export const callers = [
  'operator:all',
  'hr-admin:all',
  'hr-admin:reports',
  'manager:all',
  'manager:reports',
  'manager:self',
  'employee:all',
  'employee:self',
  'none',
  'no token',
] as const satisfies readonly (`${Role}:${Reach}` | 'none' | 'no token')[]
export type CallerKind = (typeof callers)[number]

/**
 * Whom or what an operation is about:
 * - `person`: an employee within the reach; nobody changes himself unless the reach is all
 * - `account`: an employee's; identity knows no reporting line, so a reach of reports gives just the own one
 * - `company`: a thing of the company, the same for everybody whom the contract lets near it
 * - `platform`: like that, but operators reach those of all companies
 */
export type About = 'person' | 'account' | 'company' | 'platform'

/** The facts of an operation that its contract doesn't tell. */
export interface Traits {
  about: About
  /** People may make this change for themselves. */
  own?: true
  /** The target has left, and so reports to nobody any more. */
  left?: true
  /** Refused to everybody who would do it to himself. */
  self?: 403
  /** What is out of reach is refused as an unknown reference, or isn't referred to at all; a 404 unless told. */
  unreached?: 422 | 'done'
}

/** A request of an operation that would succeed, were it not for who asks. */
export interface Sample<O extends Operation, Scene> extends Traits {
  input(scene: Scene): InputOf<O>
  csv?: string
  /** What must have happened before. */
  prepare?(scene: Scene): Promise<unknown>
  /** Makes it a list, which is silent about whom the caller doesn't reach: whether an answer shows the target. */
  shows?(output: OutputOf<O>, scene: Scene): boolean
}

/** One sample an operation; a missing one does not compile. */
export type Samples<C extends Contract, Scene> = {
  [K in keyof C['operations']]: Sample<C['operations'][K], Scene>
}

/** What an answer comes to: done, shown or hidden in a list, or the status of a refusal. */
export type Outcome = 'done' | 'shown' | 'hidden' | 401 | 403 | 404 | 422

const widths: readonly Reach[] = ['self', 'reports', 'all']

/** The narrower of what the caller was assigned and what the operation gives that role. */
function reachOf(op: Operation, caller: CallerKind): Reach | undefined {
  const [role, assigned] = caller.split(':') as [Role, Reach]
  const declared = op.roles?.[role]
  if (!declared) return undefined
  return widths[Math.min(widths.indexOf(declared), widths.indexOf(assigned))]
}

const within: Record<Reach, readonly Relation[]> = {
  self: ['self'],
  reports: ['self', 'direct', 'indirect'],
  all: ['self', 'direct', 'indirect', 'peer'],
}

/** The expected outcome, from the contract's roles and the relation alone. */
export function expected(
  op: Operation,
  traits: Traits & { shows?: unknown },
  caller: CallerKind,
  relation: Relation,
): Outcome {
  if (caller === 'no token') return 401
  const reach = reachOf(op, caller)
  if (!reach || (op.tenantWide && reach !== 'all')) return 403
  if (relation === 'self' && traits.self) return traits.self
  const isOperator = traits.about === 'platform' && caller.startsWith('operator')
  const reached = isOperator || reaches(op, traits, reach, relation)
  if (traits.shows) return reached ? 'shown' : 'hidden'
  return reached ? 'done' : (traits.unreached ?? 404)
}

function reaches(op: Operation, { about, own, left }: Traits, reach: Reach, relation: Relation): boolean {
  if (about === 'company' || about === 'platform') return relation !== 'foreign'
  if (about === 'account' && reach === 'reports') return relation === 'self'
  const changesHimself = op.kind === 'command' && relation === 'self' && reach !== 'all'
  if (about === 'person' && changesHimself && !own) return false
  if (left && reach === 'reports') return relation === 'self'
  return within[reach].includes(relation)
}

/** Operations without a sample, and samples without an operation. */
export const gaps = (contract: Contract, samples: object): string[] => [
  ...new Set(Object.keys(contract.operations)).symmetricDifference(new Set(Object.keys(samples))),
]
