import { randomUUIDv7 } from 'node:crypto'
import { callerOf } from '#kit/call.ts'
import type { CommandTx } from '#kit/command.ts'
import type { Database } from '#kit/database.ts'
import type { Scope } from '#kit/schemas.ts'
import { transactional } from '#kit/server.ts'
import type { Tx } from '#kit/tx.ts'
import { assess } from '../assess.ts'
import type { Clock } from '../clock.ts'
import { requestOperations } from '../contract/requests.ts'
import { type Actor, assertMay, type RequestAction, type RequestState } from '../domain/actions.ts'
import { entriesOf, reversalOf } from '../domain/allocation.ts'
import { inUnits } from '../domain/amount.ts'
import { abandoned, decided, openStep } from '../domain/approval.ts'
import { daysBetween } from '../domain/dates.ts'
import type { EntryDraft, Person } from '../domain/model.ts'
import { todayOf } from '../domain/person.ts'
import { refuse } from '../domain/refuse.ts'
import { insertSteps, readActor, saveSteps } from '../store/approvals.ts'
import { readTeamCalendar } from '../store/calendar.ts'
import { appendEntries, lockAccount, lockAccountOf, readAccount } from '../store/ledger.ts'
import { loadPerson, lockPerson } from '../store/people.ts'
import {
  insertRequest,
  insertText,
  type LoadedRequest,
  listApprovals,
  listRequests,
  loadRequest,
  loadTaken,
  ownerOf,
  place,
  readRequest,
  saveState,
} from '../store/requests.ts'
import { loadClosedThrough } from '../store/rules.ts'
import { isOwnOrHr } from '../store/scope.ts'
import { assertVersion } from '../store/version.ts'

const longestCalendar = 62

/** Operations on leave requests. */
export const requestHandlers = (database: Database, clock: Clock) =>
  transactional({ operations: requestOperations }, database, {
    async previewRequest({ employeeId, scope, ...wanted }, tx) {
      assertOwnOrHr(scope, employeeId)
      const found = await assess(tx, employeeId, wanted, readAccount, clock())
      const { type, account, days, amount, allocation, steps, conflicts } = found
      const lots = [...account.lots, ...allocation.newLots]
      const taken = Map.groupBy(allocation.takings, ({ lotId }) => lotId)
      return {
        unit: type.unit,
        amount: inUnits(amount),
        days: days.map((day) => ({ ...day, amount: inUnits(day.amount) })),
        balanceBefore: inUnits(account.balance),
        balanceAfter: inUnits(account.balance - amount),
        lots: [...taken].map(([id, takings]) => ({
          usableTo: lots.find((lot) => lot.id === id)!.usableTo,
          amount: inUnits(takings.reduce((sum, one) => sum + one.amount, 0)),
        })),
        approvers: steps,
        conflicts,
      }
    },

    async submitRequest({ employeeId, scope, note, ...wanted }, tx) {
      assertOwnOrHr(scope, employeeId)
      const now = clock()
      const [actor] = await Promise.all([
        readActor(tx, scope, now),
        lockPerson(tx, employeeId, wanted.knownVersion),
      ])
      const found = await assess(tx, employeeId, wanted, lockAccount, now)
      const { type, policy, account, days, amount, allocation, steps } = found
      for (const { code, ...details } of found.conflicts) throw refuse(code, details)
      const id = randomUUIDv7()
      const { startsOn, endsOn } = wanted
      await Promise.all([
        insertRequest(tx, {
          id,
          employeeId,
          accountId: account.id,
          typeId: type.id,
          policyId: policy!.id,
          startsOn,
          endsOn,
          amount,
          days,
          submittedAt: now,
          submittedBy: callerOf(tx.call).account,
        }),
        insertSteps(tx, id, steps),
        insertText(tx, id, place.note, note),
        appendEntries(tx, account, entriesOf(allocation.takings, 'reservation', id), allocation),
      ])
      tx.emit({ kind: 'leave-requested', id, version: 1 })
      const after = { employeeId, typeId: type.id, startsOn, endsOn, amount: inUnits(amount), note }
      tx.audit({ object: 'leave-request', id, after })
      return readRequest(tx, id, actor, now)
    },

    async getRequest({ requestId, scope }, tx) {
      const now = clock()
      const actor = await readActor(tx, scope, now)
      await ownerOf(tx, requestId, scope, actor)
      return readRequest(tx, requestId, actor, now)
    },

    async listRequests(input, tx) {
      const now = clock()
      return listRequests(tx, input, await readActor(tx, input.scope, now), now)
    },

    async listApprovals({ scope, ...page }, tx) {
      const now = clock()
      return listApprovals(tx, page, await readActor(tx, scope, now), now)
    },

    async decideRequest({ decision, comment, ...target }, tx) {
      const { request, person, actor, now } = await lockRequest(tx, target, decision, clock())
      const { step } = openStep(request.steps)!
      const steps = decided(request.steps, decision)
      const isLast = decision === 'reject' || !openStep(steps)
      const state = isLast ? (decision === 'approve' ? 'approved' : 'rejected') : 'pending'
      const { account } = callerOf(tx.call)
      await Promise.all([
        saveSteps(tx, request.id, steps, { by: actor.employeeId, account, at: now }),
        insertText(tx, request.id, step, comment),
      ])
      if (isLast) await settleRequest(tx, request, person, decision === 'approve', now)
      const version = await saveState(tx, request.id, state, now)
      const kind = isLast ? `leave-${state}` : 'leave-step-approved'
      tx.emit({ kind, id: request.id, version, changed: ['state'] })
      audit(tx, request, state, { step, comment })
      return readRequest(tx, request.id, actor, now)
    },

    async cancelRequest({ reason, ...target }, tx) {
      const { request, person, actor, now } = await lockRequest(tx, target, 'cancel', clock())
      await Promise.all([
        saveSteps(tx, request.id, abandoned(request.steps)),
        insertText(tx, request.id, place.cancelReason, reason),
      ])
      await settleRequest(tx, request, person, false, now)
      const version = await saveState(tx, request.id, 'cancelled', now)
      tx.emit({ kind: 'leave-cancelled', id: request.id, version, changed: ['state'] })
      audit(tx, request, 'cancelled', { reason })
      return readRequest(tx, request.id, actor, now)
    },

    async getTeamCalendar({ from, to, ...asked }, tx) {
      if (to < from) throw refuse('ends-before-start', { pointer: '/to' })
      const days = daysBetween(from, to) + 1
      if (days > longestCalendar)
        throw refuse('request-too-long', {
          detail: `${days} days are asked for; ${longestCalendar} are shown`,
          pointer: '/to',
        })
      return readTeamCalendar(tx, { from, to, ...asked }, clock())
    },
  })

/** Leave is requested by who takes it, or by HR; to decide on somebody's leave is no right to ask for it. */
function assertOwnOrHr(scope: Scope, employeeId: string): void {
  if (!isOwnOrHr(scope, employeeId))
    throw refuse('employee-not-found', {
      detail: 'Leave is requested for oneself; HR requests it for others',
      pointer: '/employeeId',
    })
}

/** A request with all that its change depends on, kept from others, if the actor may do that with it. */
async function lockRequest(
  tx: Tx,
  { requestId, expectedVersion, scope }: { requestId: string; expectedVersion: number; scope: Scope },
  action: RequestAction,
  now: Date,
): Promise<{ request: LoadedRequest; person: Person; actor: Actor; now: Date }> {
  const actor = await readActor(tx, scope, now)
  const employeeId = await ownerOf(tx, requestId, scope, actor)
  const [, request, person, closedThrough] = await Promise.all([
    lockPerson(tx, employeeId),
    loadRequest(tx, requestId),
    loadPerson(tx, employeeId),
    loadClosedThrough(tx),
  ])
  assertVersion(request, expectedVersion)
  assertMay(action, actor, { ...request, today: todayOf(person, now), closedThrough })
  return { request, person, actor, now }
}

/** Turns what a request has reserved into consumption, or gives all that it has taken back to the same lots. */
async function settleRequest(
  tx: Tx,
  { id, typeId }: LoadedRequest,
  person: Person,
  isApproved: boolean,
  now: Date,
): Promise<void> {
  const [account, taken] = await Promise.all([lockAccountOf(tx, person, typeId, now), loadTaken(tx, id)])
  const back = taken.map((one) => reversalOf(one, id))
  const consumed = taken.map(
    ({ lotId, amount, effectiveOn }): EntryDraft => ({
      lotId,
      kind: 'consumption',
      amount,
      effectiveOn,
      requestId: id,
    }),
  )
  await appendEntries(tx, account, isApproved ? [...back, ...consumed] : back)
}

function audit(
  tx: CommandTx,
  { id, state: before }: LoadedRequest,
  after: RequestState,
  words: object,
): void {
  tx.audit({ object: 'leave-request', id, before: { state: before }, after: { state: after, ...words } })
}
