import { DomainError } from '#kit/problem.ts'
import type { Tx } from '#kit/tx.ts'
import { type Account, availableOn, type Facts, sumOf } from './domain/account.ts'
import { lotsAhead } from './domain/allocation.ts'
import { inUnits } from './domain/amount.ts'
import { addMonths, later } from './domain/dates.ts'
import { explain } from './domain/explanation.ts'
import { forecast } from './domain/forecast.ts'
import type { EntryDraft, Lot } from './domain/model.ts'
import { employmentOn, todayOf } from './domain/person.ts'
import { policyFor } from './domain/policy.ts'
import { refuse } from './domain/refuse.ts'
import { lapsing, type Settlement, settle } from './domain/settlement.ts'
import { readAccounts, readEntries, readPolicyNames, type Sums } from './store/balances.ts'
import { readAccount, readSince, unopened } from './store/ledger.ts'
import { loadPerson } from './store/people.ts'
import { loadBooked } from './store/requests.ts'
import { loadPolicies, loadSchedules, loadTypes, type NamedType } from './store/rules.ts'

/** How far a forecast reaches. */
const foresight = { months: 60, words: '5 years' }

const unbooked: Sums = { booked: 0, later: 0, pending: 0 }

/** What an employee has of each leave type on a day: those that the employee may take leave of, or has something of. */
export async function balancesOf(tx: Tx, employeeId: string, now: Date, asOf?: string) {
  const person = await loadPerson(tx, employeeId)
  const today = todayOf(person, now)
  const day = asOf ?? today
  assertForeseen(day, today, '/asOf')
  const [types, policies, schedules, accounts, since] = await Promise.all([
    loadTypes(tx),
    loadPolicies(tx),
    loadSchedules(tx, day, day),
    readAccounts(tx, employeeId, day),
    readSince(tx, now),
  ])
  const items = []
  for (const type of types) {
    const facts: Facts = { person, type, policies, schedules }
    const stored = accounts.get(type.id)
    const isOffered = type.open && employmentOn(person, day) && policyFor(policies, person, type.id, day)
    const { sums, ...account } = stored ?? { ...unopened(facts, since), sums: unbooked }
    const settled = settle(facts, account, today)
    const expected = forecast(facts, settled.account, later(day, today))
    if (isOffered || expected.account.lots.length > 0)
      items.push(await balanceOf(tx, facts, type, { settled, expected, sums }, today, day))
  }
  return items
}

async function balanceOf(
  tx: Tx,
  facts: Facts,
  type: NamedType,
  { settled, expected, sums }: { settled: Settlement; expected: Settlement; sums: Sums },
  today: string,
  day: string,
) {
  const booked = sums.booked + sumOf(settled.entries.filter(({ effectiveOn }) => effectiveOn <= day))
  const toCome = sumOf(expected.entries)
  // What has passed can't be requested any more than today.
  const lots = await countedOn(tx, facts, settled.account, later(day, today))
  const available = availableOn(lots, type.overdraft, later(day, today))
  return {
    typeId: type.id,
    typeCode: type.code,
    typeName: type.name,
    unit: type.unit,
    asOf: day,
    booked: inUnits(booked),
    toCome: inUnits(toCome),
    balance: inUnits(booked + toCome),
    requestedLater: inUnits(sums.later),
    available: available === null ? null : inUnits(Math.max(0, available)),
    pending: inUnits(sums.pending),
    expiring: lapsing(facts, expected.account).map(({ on, amount }) => ({ on, amount: inUnits(amount) })),
  }
}

/** The lots as a request for that day would find them. */
async function countedOn(tx: Tx, facts: Facts, account: Account, day: string): Promise<readonly Lot[]> {
  const { person, type, policies } = facts
  const isAhead = policyFor(policies, person, type.id, day)?.rules.booking.ahead
  return isAhead ? lotsAhead(facts, account, await loadBooked(tx, account.id, day), day) : account.lots
}

/** Every entry that takes effect in some time, why, and what the balance is after it. */
export async function statementOf(
  tx: Tx,
  asked: { employeeId: string; typeId: string; from?: string | undefined; to?: string | undefined },
  now: Date,
) {
  const { employeeId, typeId, from, to } = asked
  const [person, types, policies, names] = await Promise.all([
    loadPerson(tx, employeeId),
    loadTypes(tx),
    loadPolicies(tx),
    readPolicyNames(tx, typeId),
  ])
  const type = types.find(({ id }) => id === typeId)
  if (!type) throw refuse('leave-type-not-found', { pointer: '/typeId' })
  const today = todayOf(person, now)
  const through = to ?? later(today, from ?? today)
  if (from !== undefined && through < from) throw refuse('ends-before-start', { pointer: '/to' })
  assertForeseen(through, today, '/to')
  const schedules = await loadSchedules(tx, today, today)
  const { due, facts, ...account } = await readAccount(tx, { person, type, policies, schedules }, now)
  const booked = await readEntries(tx, account.id, through)
  const expected = forecast(facts, account, through)
  const toCome = [...due, ...expected.entries].filter(({ effectiveOn }) => effectiveOn <= through)
  const lots = new Map(expected.account.lots.map((lot) => [lot.id, lot]))
  const stored = new Set(booked.map(({ lotId }) => lotId))

  let balance = 0
  let opening = 0
  const lines = []
  const all = [...booked, ...toCome.map((entry) => ({ ...entry, id: null, bookedAt: null, reason: null }))]
  for (const entry of all.sort(byEffect)) {
    balance += entry.amount
    if (from !== undefined && entry.effectiveOn < from) {
      opening = balance
      continue
    }
    const { id, bookedAt, effectiveOn, kind, amount, lotId, requestId = null, reason } = entry
    const lot = lots.get(lotId)!
    lines.push({
      id,
      effectiveOn,
      bookedAt,
      kind,
      amount: inUnits(amount),
      balance: inUnits(balance),
      lot: {
        id: stored.has(lotId) ? lotId : null,
        origin: lot.origin,
        usableFrom: lot.usableFrom,
        usableTo: lot.usableTo,
      },
      requestId,
      because: explain(entry, reason, names),
    })
  }
  return { unit: type.unit, opening: inUnits(opening), lines, closing: inUnits(balance) }
}

/** Of one day in the order in which they are booked: sorting keeps it. */
const byEffect = (a: EntryDraft, b: EntryDraft): number =>
  a.effectiveOn < b.effectiveOn ? -1 : a.effectiveOn > b.effectiveOn ? 1 : 0

function assertForeseen(day: string, today: string, pointer: string): void {
  if (day > addMonths(today, foresight.months))
    throw new DomainError('invalid-input', {
      errors: [{ pointer, rule: 'foresight', detail: `Is more than ${foresight.words} from now` }],
    })
}
