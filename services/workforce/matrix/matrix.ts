import type { Contract, InputOf, Operation, OutputOf, Reach, Role } from '#kit/contract.ts'
import type { TestCaller } from '#kit/testing.ts'

/**
 * How the caller stands to what an operation is about. Someone or something of another tenant is `foreign`; a `deputy`
 * decides for the manager of whom it is about.
 */
const relations = ['self', 'direct', 'indirect', 'peer', 'foreign'] as const
export type Relation = (typeof relations)[number] | 'deputy'

/** The relations that make a difference. */
export const relationsOf = ({ about }: Traits): readonly Relation[] =>
  isOfRequest(about) ? [...relations, 'deputy'] : relations

/** Assignments wider and narrower than an operation declares: the narrower of both must count. */
const assignments = [
  'operator:all',
  'hr-admin:all',
  'hr-admin:reports',
  'manager:all',
  'manager:reports',
  'manager:self',
  'employee:all',
  'employee:self',
] as const satisfies readonly `${Role}:${Reach}`[]

/** Who has nothing that an operation of users could go by. */
const outsiders = ['no token', 'no role', 'a job', 'manager without employee'] as const

export const callers = [...assignments, ...outsiders]
export type CallerKind = (typeof callers)[number]

const isAssignment = (kind: CallerKind): kind is (typeof assignments)[number] =>
  assignments.some((assignment) => assignment === kind)

/** What the caller is known by. */
export function identityOf(kind: CallerKind, caller: TestCaller): TestCaller | undefined {
  if (isAssignment(kind)) return { ...caller, roles: [kind] }
  const { employee: _, ...account } = caller
  switch (kind) {
    case 'no token':
      return undefined
    case 'no role':
      return { ...caller, roles: [] }
    case 'a job':
      return { ...account, account: 'job:lifecycle', roles: [] }
    case 'manager without employee':
      return { ...account, roles: ['manager:reports'] }
  }
}

/**
 * Whom or what an operation is about:
 * - `person`: an employee within the reach; nobody changes himself unless the reach is all
 * - `account`: an employee's; identity knows no reporting line, so a reach of reports gives just the own one
 * - `company`: a thing of the company, the same for everybody whom the contract lets near it
 * - `platform`: like that, but operators reach those of all companies
 * - `request`: what somebody asks for, pending; who is to decide it sees it whatever the role
 * - `approval`: to decide such a request; as a list what waits for the caller
 * - `cancellation`: to take such a request back
 */
export type About = 'person' | 'account' | 'company' | 'platform' | AboutRequest
type AboutRequest = 'request' | 'approval' | 'cancellation'

const isOfRequest = (about: About): about is AboutRequest =>
  about === 'request' || about === 'approval' || about === 'cancellation'

/** The facts of an operation that its contract doesn't tell. */
export interface Traits {
  about: About
  /** People may make this change for themselves. */
  own?: true
  /** The target has left, and so reports to nobody any more. */
  left?: true
  /** Refused to everybody who would do it to himself. */
  self?: 403 | 422
  /** What is out of reach is refused as an unknown reference, or isn't referred to at all; a 404 unless told. */
  unreached?: 422 | 'done'
}

/** A request of an operation that would succeed, were it not for who asks. */
export interface Sample<O extends Operation, Scene> extends Traits {
  input(scene: Scene): InputOf<O>
  csv?: string
  /** What must have happened before. */
  prepare?(scene: Scene): Promise<unknown>
  /** Waits, each time, until nothing is in the way. */
  wait?(scene: Scene): Promise<unknown>
  /** Makes it a list, which is silent about whom the caller doesn't reach: whether an answer shows the target. */
  shows?(output: OutputOf<O>, scene: Scene): boolean
  /** Of a request of many rows, whose input has one: the status of that row. */
  status?(output: OutputOf<O>): number
}

/** One sample an operation; a missing one does not compile. */
export type Samples<C extends Contract, Scene> = {
  [K in keyof C['operations']]: Sample<C['operations'][K], Scene>
}

/** What an answer comes to: done, shown or hidden in a list, or the status of a refusal. */
export type Outcome = 'done' | 'shown' | 'hidden' | 401 | 403 | 404 | 422

const widths: readonly Reach[] = ['self', 'reports', 'all']

/** The narrower of what the caller was assigned and what the operation gives that role. */
function reachOf(op: Operation, kind: CallerKind): Reach | undefined {
  if (!isAssignment(kind)) return undefined
  const [role, assigned] = kind.split(':') as [Role, Reach]
  const declared = op.roles?.[role]
  return declared && widths[Math.min(widths.indexOf(declared), widths.indexOf(assigned))]
}

const within: Record<Reach, readonly Relation[]> = {
  self: ['self'],
  reports: ['self', 'direct', 'indirect'],
  all: ['self', 'direct', 'indirect', 'peer', 'deputy'],
}

/** The expected outcome, from the contract's roles and the relation alone. */
export function expected(
  op: Operation,
  traits: Traits & { shows?: unknown },
  kind: CallerKind,
  relation: Relation,
): Outcome {
  if (kind === 'no token') return 401
  const reach = reachOf(op, kind)
  if (!reach || (op.tenantWide && reach !== 'all')) return 403
  if (relation === 'self' && traits.self) return traits.self
  if (isOfRequest(traits.about)) return ofRequest(traits.about, Boolean(traits.shows), reach, relation)
  const isOperator = traits.about === 'platform' && kind.startsWith('operator')
  const reached = isOperator || reaches(op, traits, reach, relation)
  if (traits.shows) return reached ? 'shown' : 'hidden'
  return reached ? 'done' : (traits.unreached ?? 404)
}

function ofRequest(about: AboutRequest, isList: boolean, reach: Reach, relation: Relation): Outcome {
  const decides = relation === 'direct' || relation === 'deputy'
  const isSeen = decides || within[reach].includes(relation)
  const isHr = reach === 'all'
  // Who reports to nobody waits for HR; HR may decide the others too, but they do not wait for it.
  const waits = decides || (isHr && relation === 'peer')
  if (isList) return (about === 'approval' ? waits : isSeen) ? 'shown' : 'hidden'
  if (!isSeen) return 404
  if (about === 'request') return 'done'
  const may = about === 'approval' ? relation !== 'self' && (isHr || decides) : isHr || relation === 'self'
  return may ? 'done' : 403
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

/** The part of a contract that some samples are of, so that a test file runs beside those of the others. */
export const partOf = <C extends Contract>(contract: C, samples: object): Contract => ({
  ...contract,
  operations: Object.fromEntries(
    Object.entries(contract.operations).filter(([name]) => Object.hasOwn(samples, name)),
  ),
})
