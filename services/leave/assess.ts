import { randomUUIDv7 } from 'node:crypto'
import type { Tx } from '#kit/tx.ts'
import { sumOf } from './domain/account.ts'
import { allocate } from './domain/allocation.ts'
import { inUnits } from './domain/amount.ts'
import { chainFor } from './domain/approval.ts'
import { askedOf, charge } from './domain/breakdown.ts'
import { addDays, eachDay } from './domain/dates.ts'
import { todayOf } from './domain/person.ts'
import { refuse } from './domain/refuse.ts'
import {
  assertAsked,
  type Case,
  conflictsOf,
  governing,
  reachAround,
  type Wanted,
} from './domain/request-rules.ts'
import { workDay } from './domain/schedule.ts'
import { readReportingLine } from './store/approvals.ts'
import type { lockAccount, readAccount } from './store/ledger.ts'
import { loadPerson } from './store/people.ts'
import { loadBooked, loadDays } from './store/requests.ts'
import { loadClosedThrough, loadPolicies, loadSchedules, loadTypes } from './store/rules.ts'

/** What a request would cost, from which grants, who would approve it, and all that speaks against it. */
export async function assess(
  tx: Tx,
  employeeId: string,
  wanted: Wanted,
  account: typeof lockAccount | typeof readAccount,
  now: Date,
) {
  const [person, types, policies, closedThrough] = await Promise.all([
    loadPerson(tx, employeeId, wanted.knownVersion),
    loadTypes(tx),
    loadPolicies(tx),
    loadClosedThrough(tx),
  ])
  const type = types.find(({ id }) => id === wanted.typeId)
  if (!type) throw refuse('leave-type-not-found', { pointer: '/typeId' })
  assertAsked(wanted, person)
  const today = todayOf(person, now)
  const governed = governing({ policies, person, wanted })
  const around = reachAround(governed?.rules.booking.maxConsecutiveDays ?? null)
  const { startsOn, endsOn } = wanted
  const window = [addDays(startsOn, -around), addDays(endsOn, around)] as const
  const [schedules, others, line] = await Promise.all([
    loadSchedules(tx, ...window),
    loadDays(tx, employeeId, ...window),
    readReportingLine(tx, employeeId, today),
  ])
  const workDayOn = (date: string) => workDay(person, schedules, date)
  const days = askedOf(eachDay(startsOn, endsOn), wanted.parts).map((asked) =>
    charge(type.unit, asked, workDayOn(asked.date)),
  )
  const it: Case = { wanted, person, type, policies, workDayOn, days, others, closedThrough, today }
  const conflicts = conflictsOf(it)

  const facts = { person, type, policies, schedules }
  const settled = await account(tx, facts, now)
  const isAhead = governed?.rules.booking.ahead ?? false
  const booked = isAhead ? await loadBooked(tx, settled.id, startsOn) : null
  const allocation = allocate(facts, settled, days, booked, randomUUIDv7)
  const amount = sumOf(days)
  if (allocation.lacking > 0)
    conflicts.push({
      code: 'insufficient-balance',
      detail: `It costs ${inUnits(amount)} ${type.unit}s, of which ${inUnits(amount - allocation.lacking)} can be taken`,
      pointer: '/endsOn',
    })
  const workingDays = days.filter(({ minutes }) => minutes > 0).length
  const steps = governed ? chainFor(governed.rules.approval, workingDays, employeeId, line) : []
  return { type, policy: governed?.policy, account: settled, days, amount, allocation, steps, conflicts }
}
