import { type Account, byLapse, type Facts, floorOf, newLot } from './account.ts'
import { type Due, duesAfter } from './accrual.ts'
import { type Amount, amountOf } from './amount.ts'
import { addDays, addMonths, daysBetween, later } from './dates.ts'
import { leaveYearOn } from './leave-year.ts'
import type { EntryDraft, Lot } from './model.ts'
import { employmentOn } from './person.ts'
import { policyFor } from './policy.ts'

export interface Settlement {
  /** In the order in which they take effect. */
  entries: EntryDraft[]
  /** As it is with these entries; lots that are new have ids of their own. */
  account: Account
}

/** Cause of the entry in the lot that something is carried over out of; the database sums these too. */
const carriedOut = 'carried-out'

/** What is due of an account through a day and not booked yet: accruals, carry-over, expiry. */
export function settle(facts: Facts, account: Account, through: string): Settlement {
  if (account.dueOn === null || through < account.dueOn) return { entries: [], account }
  const ledger = ledgerOf(facts, account)
  const dues = duesAfter(facts, account.since, account.settledThrough)
  let due = dues.next().value as Due | undefined
  for (;;) {
    const lapsed = ledger.nextLapse()
    const lapsesOn = lapsed && addDays(lapsed.usableTo!, 1)
    // What lapses goes before what accrues on the same day.
    if (lapsed && lapsesOn! <= through && (!due || lapsesOn! <= due.on)) ledger.lapse(lapsed, lapsesOn!)
    else if (due && due.on <= through) {
      ledger.accrue(due)
      due = dues.next().value as Due | undefined
    } else {
      return ledger.result({ settledThrough: through, dueOn: earliest(due?.on, lapsesOn) })
    }
  }
}

/**
 * Books entries. What they put into lots that are closed, or take from them, goes the way that the rest of those went,
 * at once: it is carried over as far as the maximum allows, or lapses.
 */
export function book(facts: Facts, account: Account, drafts: readonly EntryDraft[]): Settlement {
  const ledger = ledgerOf(facts, account)
  for (const draft of drafts) ledger.add(draft)
  ledger.closeAgain()
  const lapse = ledger.nextLapse()?.usableTo
  const dueOn = lapse ? earliest(account.dueOn, addDays(lapse, 1)) : account.dueOn
  return ledger.result({ dueOn })
}

/**
 * What is booked of the periods up to now, brought to what it should be by rules or facts that have changed since; and
 * what is due through today.
 */
export function rateAnew(facts: Facts, account: Account, today: string, cause: string): Settlement {
  const ledger = ledgerOf(facts, account)
  const { settledThrough } = account
  if (settledThrough !== null) {
    const byYear = new Map<string, Due>()
    for (const due of duesAfter(facts, account.since, null)) {
      if (due.on > settledThrough) break
      byYear.set(due.year.from, due)
    }
    for (const due of byYear.values()) ledger.correct(ledger.entitlement(due), due.worth(), today, cause, due)
    for (const lot of ledger.lots())
      if (lot.origin === 'entitlement' && !byYear.has(lot.yearFrom!)) ledger.correct(lot, 0, today, cause)
    ledger.closeAgain()
  }
  const corrected = ledger.result({ dueOn: account.since })
  const settled = settle(facts, corrected.account, today)
  return { entries: [...corrected.entries, ...settled.entries], account: settled.account }
}

/** What will lapse of what is there, unless it is taken up to a day. */
export function lapsing(facts: Facts, account: Account): { on: string; amount: Amount }[] {
  const ledger = ledgerOf(facts, account)
  return account.lots
    .flatMap((lot) => {
      if (lot.closedOn !== null || lot.usableTo === null) return []
      const amount = lot.remaining - ledger.carriedFrom(lot)
      return amount > 0 ? [{ on: lot.usableTo, amount }] : []
    })
    .sort((a, b) => (a.on < b.on ? -1 : a.on > b.on ? 1 : 0))
}

const earliest = (...days: (string | null | undefined)[]): string | null =>
  days.filter((day) => day != null).sort()[0] ?? null

const originCodes = { entitlement: 1, 'carry-over': 2, grant: 3, overdraft: 4 } as const

/**
 * Made of the account's id and what the lot is for (RFC 9562, version 8): what a forecast expects has the id that it
 * will be booked with.
 */
function lotIdOf(accountId: string, { origin, usableFrom }: Pick<Lot, 'origin' | 'usableFrom'>): string {
  const [a, b, c, d, node] = accountId.split('-') as [string, string, string, string, string]
  const which = originCodes[origin] * 2 ** 24 + daysBetween('1000-01-01', usableFrom)
  const moved = (Number.parseInt(node, 16) + which) % 2 ** 48
  return `${a}-${b}-8${c.slice(1)}-${d}-${moved.toString(16).padStart(12, '0')}`
}

/** The lots of an account while entries are added. */
function ledgerOf(facts: Facts, account: Account) {
  const { person, type, policies } = facts
  const lots = new Map(account.lots.map((lot) => [lot.id, lot]))
  const entries: EntryDraft[] = []
  /** Closed ones that entries were added to, and since when. */
  const reopened = new Map<string, string>()
  let balance = account.balance

  function add(draft: EntryDraft): void {
    if (draft.amount === 0) return
    const lot = lots.get(draft.lotId)
    if (!lot) throw new Error(`The account has no lot ${draft.lotId}`)
    const carried = draft.cause === carriedOut ? -draft.amount : 0
    put({ ...lot, remaining: lot.remaining + draft.amount, carried: lot.carried + carried })
    balance += draft.amount
    entries.push(draft)
    if (lot.closedOn !== null)
      reopened.set(lot.id, later(reopened.get(lot.id) ?? lot.closedOn, draft.effectiveOn))
  }

  function put(lot: Lot): Lot {
    lots.set(lot.id, lot)
    return lot
  }

  const find = (origin: Lot['origin'], yearFrom: string | null): Lot | undefined =>
    lots.values().find((lot) => lot.origin === origin && lot.yearFrom === yearFrom)

  const make = (given: Omit<Parameters<typeof newLot>[0], 'id'>): Lot =>
    put(newLot({ id: lotIdOf(account.id, given), ...given }))

  function entitlement({ year: { from, to } }: Pick<Due, 'year'>): Lot {
    return (
      find('entitlement', from) ??
      make({ origin: 'entitlement', yearFrom: from, usableFrom: from, usableTo: to })
    )
  }

  /** What of an accrual there is room for under the cap of the balance. */
  const capped = (amount: Amount, cap: number | undefined): Amount =>
    cap === undefined || amount <= 0 ? amount : Math.min(amount, Math.max(0, amountOf(cap) - balance))

  function accrue(due: Due): void {
    const lot = entitlement(due)
    const rated = due.worth()
    put({ ...lot, rated })
    add({
      lotId: lot.id,
      kind: 'accrual',
      amount: capped(rated - lot.rated, due.accrual.balanceCap),
      effectiveOn: due.on,
      period: due.period,
      cause: `policy-${due.policyId}`,
    })
    closeAgain()
  }

  function correct(lot: Lot, rated: Amount, effectiveOn: string, cause: string, due?: Due): void {
    put({ ...lot, rated })
    const amount = capped(rated - lot.rated, due?.accrual.balanceCap)
    add({ lotId: lot.id, kind: 'adjustment', amount, effectiveOn, cause })
  }

  /** The open lot that lapses first. */
  const nextLapse = (): Lot | undefined =>
    lots
      .values()
      .filter(({ closedOn, usableTo }) => closedOn === null && usableTo !== null)
      .reduce<Lot | undefined>((first, lot) => (first && byLapse(first, lot) < 0 ? first : lot), undefined)

  /**
   * What a lot has left when it lapses, or comes to have later, is carried over or expires; what it owes is carried over
   * in full, but stays where it is of somebody who has left.
   */
  function close(lot: Lot, on: string): void {
    const { remaining } = lot
    const begins = addDays(lot.usableTo!, 1)
    // The first time it happens once and for all.
    const period = lot.closedOn === null ? { period: lot.usableTo! } : {}
    const employed = isEmployedAfter(lot)
    const carried = carriedFrom(lot)
    const entry = { lotId: lot.id, effectiveOn: on, ...period }
    if (employed && carried !== 0) {
      const target = carried < 0 ? debtsOf(begins) : carryOverOf(lot, begins)
      add({ ...entry, kind: 'carry-over', amount: -carried, cause: carriedOut })
      add({ lotId: target.id, effectiveOn: on, kind: 'carry-over', amount: carried, cause: 'carried-in' })
    }
    const cause = employed ? 'not-taken' : 'employment-ended'
    add({ ...entry, kind: 'expiry', amount: carried - remaining, cause })
    put({ ...lots.get(lot.id)!, closedOn: begins })
  }

  function lapse(lot: Lot, on: string): void {
    close(lot, on)
    closeAgain()
  }

  const isEmployedAfter = ({ usableTo }: Lot): boolean =>
    employmentOn(person, addDays(usableTo!, 1)) !== undefined

  /** What does not lapse with a lot; below zero it is debts. */
  const carriedFrom = (lot: Lot): Amount =>
    Math.min(lot.remaining, isEmployedAfter(lot) ? mayCarryOver(lot) : 0)

  const rulesFor = (date: string) => policyFor(policies, person, type.id, date)?.rules

  /** How much more may be carried over out of a lot. */
  function mayCarryOver(lot: Lot): Amount {
    const rule = rulesFor(lot.usableTo!)?.carryOver
    if (!rule || lot.origin === 'grant' || lot.origin === 'overdraft') return 0
    // What was carried over already is carried on where nothing limits it.
    if (lot.origin === 'carry-over')
      return rule.max === null && rule.expiresAfterMonths === null ? Infinity : 0
    return rule.max === null ? Infinity : Math.max(0, amountOf(rule.max) - lot.carried)
  }

  function yearOf(date: string) {
    const accrual = rulesFor(date)?.accrual
    const employment = employmentOn(person, date)
    return accrual && employment && leaveYearOn(accrual, employment, date)
  }

  /** Where what is carried over on a day goes. */
  function carryOverOf(lot: Lot, begins: string): Lot {
    const months = rulesFor(lot.usableTo!)?.carryOver.expiresAfterMonths
    const end = months ? undefined : yearOf(begins)?.to
    return (
      find('carry-over', begins) ??
      make({
        origin: 'carry-over',
        yearFrom: begins,
        usableFrom: begins,
        usableTo: end ?? addDays(addMonths(begins, months ?? 12), -1),
      })
    )
  }

  /** Where debts of a day go: they are the next year's to pay. */
  function debtsOf(begins: string): Lot {
    const year = yearOf(begins)
    if (year) return entitlement({ year })
    return find('overdraft', null) ?? make({ origin: 'overdraft', usableFrom: begins })
  }

  function closeAgain(): void {
    for (const [id, on] of reopened) {
      reopened.delete(id)
      const lot = lots.get(id)!
      if (lot.remaining !== 0) close(lot, later(on, lot.closedOn!))
      // Closing it again is no reason to close it once more.
      reopened.delete(id)
    }
  }

  return {
    add,
    lots: () => [...lots.values()],
    entitlement,
    accrue,
    correct,
    nextLapse,
    lapse,
    carriedFrom,
    closeAgain,
    result: (more: Partial<Account>): Settlement => ({
      entries,
      account: { ...account, lots: [...lots.values()], balance, floor: floorOf(type, balance), ...more },
    }),
  }
}
