import { randomUUIDv7 } from 'node:crypto'
import { type Call, callerOf } from '#kit/call.ts'
import type { CommandTx } from '#kit/command.ts'
import type { Database } from '#kit/database.ts'
import type { Clock } from './clock.ts'
import { sumOf } from './domain/account.ts'
import { allocate, entriesOf, givenBack, reversalOf, type Taken } from './domain/allocation.ts'
import { reassigned } from './domain/approval.ts'
import { charge } from './domain/breakdown.ts'
import { addDays, later } from './domain/dates.ts'
import type { LeaveType, Person, Policy, RequestDay, Schedules } from './domain/model.ts'
import { todayOf } from './domain/person.ts'
import { policyFor } from './domain/policy.ts'
import { workDay } from './domain/schedule.ts'
import { peopleMoved, readReportingLine, saveSteps } from './store/approvals.ts'
import { insertChange, type RequestChange } from './store/changes.ts'
import { appendEntries, lockAccount } from './store/ledger.ts'
import { knownCompanies, loadPerson, lockPerson } from './store/people.ts'
import {
  type LoadedRequest,
  loadActiveRequests,
  loadBooked,
  loadTaken,
  peopleWaitingBelow,
  peopleWithLeave,
  saveDays,
  saveState,
} from './store/requests.ts'
import { loadClosedThrough, loadPolicies, loadSchedules, loadTypes } from './store/rules.ts'

/** A change by which days of leave may cost something else, from a day on; of one employee, or of all. */
export interface RequestsChange {
  cause: RequestChange['cause']
  /** Today unless told. */
  from?: string
  employeeId?: string
}

/**
 * Charges leave that is still to come with what it costs by the rules and facts of today. What has passed keeps what it
 * was charged with, as does a request that would cost more than there is; both say so. One transaction for a person:
 * done again after a crash, nothing is left to do for those who are done.
 */
export async function rateRequestsAnew(
  database: Database,
  call: Call,
  clock: Clock,
  change: RequestsChange,
): Promise<void> {
  // The earliest day that it is anywhere.
  const today = addDays(clock().toISOString().slice(0, 10), -1)
  const from = later(change.from ?? today, today)
  const people = await database.read(call, (tx) => peopleWithLeave(tx, from, change.employeeId ?? null))
  for (const id of people) await database.write(call, (tx) => ratePersonAnew(tx, id, change, clock()))
}

async function ratePersonAnew(tx: CommandTx, employeeId: string, change: RequestsChange, now: Date) {
  await lockPerson(tx, employeeId)
  const [person, types, policies, closedThrough] = await Promise.all([
    loadPerson(tx, employeeId),
    loadTypes(tx),
    loadPolicies(tx),
    loadClosedThrough(tx),
  ])
  const bounds = [todayOf(person, now), change.from, closedThrough && addDays(closedThrough, 1)]
  const since = bounds.filter((date) => date != null).reduce(later)
  const requests = await loadActiveRequests(tx, employeeId, since)
  if (requests.length === 0) return
  const until = requests.map(({ endsOn }) => endsOn).reduce(later)
  const schedules = await loadSchedules(tx, since, until)
  const charged = chargeAll(requests, types, person, schedules, since)
  for (const request of requests) {
    const type = types.find(({ id }) => id === request.typeId)!
    const changed = charged.get(request.id)!.filter((day) => differs(day, request.days))
    if (changed.length > 0)
      await rateRequestAnew(tx, request, changed, change.cause, { person, type, policies, schedules }, now)
  }
}

/** What each request takes of the days since; hours get what halves and earlier requests leave of a day. */
function chargeAll(
  requests: readonly LoadedRequest[],
  types: readonly LeaveType[],
  person: Person,
  schedules: Schedules,
  since: string,
): Map<string, RequestDay[]> {
  const minutesOn = new Map<string, number>()
  const charged = new Map<string, RequestDay[]>(requests.map(({ id }) => [id, []]))
  const hoursLast = (isHours: boolean) => {
    for (const { id, typeId, days } of requests)
      for (const asked of days) {
        if (asked.date < since || (asked.part === 'hours') !== isHours) continue
        const { unit } = types.find((type) => type.id === typeId)!
        const others = minutesOn.get(asked.date) ?? 0
        const day = charge(unit, asked, workDay(person, schedules, asked.date), others)
        minutesOn.set(asked.date, others + day.minutes)
        charged.get(id)!.push(day)
      }
  }
  hoursLast(false)
  hoursLast(true)
  return charged
}

const differs = (day: RequestDay, before: readonly RequestDay[]): boolean => {
  const old = before.find(({ date }) => date === day.date)!
  return old.minutes !== day.minutes || old.amount !== day.amount
}

/** Gives back what the changed days have taken, and takes what they cost now. */
async function rateRequestAnew(
  tx: CommandTx,
  request: LoadedRequest,
  changed: readonly RequestDay[],
  cause: RequestChange['cause'],
  facts: { person: Person; type: LeaveType; policies: Policy[]; schedules: Schedules },
  now: Date,
): Promise<void> {
  const { id, amount: before, startsOn, typeId } = request
  const byDate = new Map(changed.map((day) => [day.date, day]))
  const days = request.days.map((day) => byDate.get(day.date) ?? day)
  const after = sumOf(days)
  const account = await lockAccount(tx, facts, now)
  const taken = (await loadTaken(tx, id)).filter(({ effectiveOn }) => byDate.has(effectiveOn))
  const back = taken.map((one) => ({ ...reversalOf(one, id), cause: `${cause}-changed` }))
  const allocation = allocate(
    facts,
    givenBack(account, back),
    changed,
    await bookedBesides(tx, taken),
    randomUUIDv7,
  )
  if (allocation.lacking > 0 && after > before) {
    const left = { requestId: id, cause, before, after, outcome: 'insufficient-balance' } as const
    // Told once, however often it is looked at.
    if (await insertChange(tx, { id: randomUUIDv7(), at: now, ...left }))
      emitRated(tx, id, await saveState(tx, id, request.state, now))
    return
  }
  const kind = request.state === 'approved' ? 'consumption' : 'reservation'
  const anew = entriesOf(allocation.takings, kind, id).map((one) => ({ ...one, cause: `${cause}-changed` }))
  await appendEntries(tx, account, [...back, ...anew], allocation)
  await insertChange(tx, {
    id: randomUUIDv7(),
    requestId: id,
    at: now,
    cause,
    before,
    after,
    outcome: 're-rated',
  })
  emitRated(tx, id, await saveDays(tx, request, days, now))

  /** Where accruals to come count: what other leave takes. */
  async function bookedBesides(tx: CommandTx, own: readonly Taken[]) {
    const isAhead = policyFor(facts.policies, facts.person, typeId, startsOn)?.rules.booking.ahead
    if (!isAhead) return null
    const booked = await loadBooked(tx, account.id, changed[0]!.date)
    return booked.map(({ lotId, date, amount }) => ({
      lotId,
      date,
      amount: own.reduce(
        (rest, one) => (one.lotId === lotId && one.effectiveOn === date ? rest + one.amount : rest),
        amount,
      ),
    }))
  }
}

const emitRated = (tx: CommandTx, id: string, version: number) =>
  tx.emit({ kind: 'leave-rated-anew', id, version, changed: ['amount'] })

/**
 * Steps that are not decided find their approver anew where somebody has moved or left: of the own requests, of those
 * of people below, and of those that waited for that person.
 */
export async function findApproversAnew(
  database: Database,
  call: Call,
  clock: Clock,
  employeeId: string,
  tenant = callerOf(call).tenant,
): Promise<void> {
  const owners = await database.write(call, (tx) => peopleWaitingBelow(tx, employeeId), tenant)
  for (const owner of owners) await database.write(call, (tx) => findApproversOf(tx, owner, clock()), tenant)
}

/** The same for all for whom a move or a leaving that was planned has come. */
export async function findApproversOfMoved(database: Database, call: Call, clock: Clock): Promise<void> {
  const companies = await database.unscoped(call, knownCompanies)
  for (const tenant of companies) {
    const people = await database.write(call, (tx) => peopleMoved(tx, clock()), tenant)
    for (const id of people) await findApproversAnew(database, call, clock, id, tenant)
  }
}

async function findApproversOf(tx: CommandTx, employeeId: string, now: Date): Promise<void> {
  await lockPerson(tx, employeeId)
  const today = todayOf(await loadPerson(tx, employeeId), now)
  const [requests, line] = await Promise.all([
    loadActiveRequests(tx, employeeId, null),
    readReportingLine(tx, employeeId, today),
  ])
  for (const { id, state, steps } of requests) {
    if (state !== 'pending') continue
    const anew = reassigned(steps, employeeId, line)
    if (anew.every(({ approverId }, i) => approverId === steps[i]!.approverId)) continue
    await saveSteps(tx, id, anew)
    const version = await saveState(tx, id, state, now)
    tx.emit({ kind: 'leave-approver-changed', id, version, changed: ['approvals'] })
  }
}
