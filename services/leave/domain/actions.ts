import { openStep, type Step } from './approval.ts'
import { refuse } from './refuse.ts'

export type RequestState = 'pending' | 'approved' | 'rejected' | 'cancelled'
export type RequestAction = 'cancel' | 'approve' | 'reject'

/** Who asks to do something with a request. */
export interface Actor {
  /** The employee whom the account belongs to. */
  employeeId: string | null
  isHr: boolean
  /** Whose approvals are the actor's to decide: the own ones, and those of who delegates. */
  decidesFor: readonly string[]
}

/** What decides about the actions on a request. */
export interface Subject {
  employeeId: string
  state: RequestState
  startsOn: string
  /** Of the approval chain the open step at least. */
  steps: readonly Step[]
  /** Where the employee works. */
  today: string
  closedThrough: string | null
}

interface Obstacle {
  code: 'own-request' | 'not-approver' | 'request-state' | 'period-closed'
  detail?: string
}

/** Refuses what an actor who may see a request may not do with it. */
export function assertMay(action: RequestAction, actor: Actor, subject: Subject): void {
  const obstacle = obstacleTo(action, actor, subject)
  if (!obstacle) return
  const { code, ...details } = obstacle
  throw refuse(code, { ...details, pointer: '/requestId' })
}

/** What the actor may do with a request now: what assertMay does not refuse. */
export const allowedActions = (actor: Actor, subject: Subject): RequestAction[] =>
  (['approve', 'reject', 'cancel'] as const).filter((action) => !obstacleTo(action, actor, subject))

const obstacleTo = (action: RequestAction, actor: Actor, subject: Subject): Obstacle | undefined =>
  action === 'cancel' ? obstacleToCancel(actor, subject) : obstacleToDecide(action, actor, subject)

function obstacleToDecide(
  action: 'approve' | 'reject',
  actor: Actor,
  subject: Subject,
): Obstacle | undefined {
  if (actor.employeeId === subject.employeeId) return { code: 'own-request' }
  const open = openStep(subject.steps)
  if (subject.state !== 'pending' || !open)
    return { code: 'request-state', detail: `It is ${subject.state} already` }
  const isApprover = open.approverId !== null && actor.decidesFor.includes(open.approverId)
  if (!actor.isHr && !isApprover) {
    const who = open.approverId === null ? 'HR' : 'another approver'
    return { code: 'not-approver', detail: `Step ${open.step} is decided by ${who}` }
  }
  // What was never approved may still be turned down: nobody was paid for it.
  return action === 'approve' ? closedPeriod(subject) : undefined
}

function obstacleToCancel(actor: Actor, subject: Subject): Obstacle | undefined {
  const { state, startsOn, today } = subject
  if (actor.employeeId !== subject.employeeId && !actor.isHr)
    return { code: 'not-approver', detail: 'It is cancelled by who requested it, or by HR' }
  if (state !== 'pending' && state !== 'approved')
    return { code: 'request-state', detail: `It is ${state} already` }
  if (!actor.isHr && startsOn < today)
    return { code: 'request-state', detail: `It began on ${startsOn}: ask HR to cancel it` }
  return closedPeriod(subject)
}

const closedPeriod = ({ startsOn, closedThrough }: Subject): Obstacle | undefined =>
  closedThrough !== null && startsOn <= closedThrough
    ? { code: 'period-closed', detail: `It is closed through ${closedThrough}` }
    : undefined
