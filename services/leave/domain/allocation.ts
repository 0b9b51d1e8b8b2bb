import { type Account, availableOn, type Facts, newLot, owedBy, sumOf, usableOn } from './account.ts'
import type { Amount } from './amount.ts'
import { forecast } from './forecast.ts'
import type { EntryDraft, Lot } from './model.ts'

/** What a day of leave takes from a lot. */
export interface Taking {
  lotId: string
  date: string
  amount: Amount
}

export interface Allocation {
  takings: Taking[]
  /** Lots that are taken from before there is anything in them. */
  newLots: Lot[]
  /** What the balance may fall to with this: the overdraft, and what counts on accruals to come. */
  floor: Amount | null
  /** What there is too little; 0 where all can be taken. */
  lacking: Amount
}

/**
 * Splits leave over the lots that may be taken on its days: what lapses first is taken first, and what no lot covers is
 * owed by the last of them. `booked` is what other leave takes on later days; where it is given, what will have accrued
 * by a day counts on that day, as far as later leave does not need it.
 */
export function allocate(
  facts: Facts,
  account: Account,
  days: readonly { date: string; amount: Amount }[],
  booked: readonly Taking[] | null,
  newId: () => string,
): Allocation {
  const { overdraft } = facts.type
  const lots = new Map(account.lots.map((lot) => [lot.id, lot]))
  const takings: Taking[] = []
  const lotsFor = (date: string) => {
    const current = { ...account, lots: [...lots.values()] }
    return booked ? lotsAhead(facts, current, [...booked, ...takings], date) : current.lots
  }
  const take = (lot: Lot, date: string, amount: Amount) => {
    if (amount === 0) return
    const current = lots.get(lot.id) ?? unopened(lot)
    lots.set(lot.id, { ...current, remaining: current.remaining - amount })
    takings.push({ lotId: lot.id, date, amount })
  }

  let lacking = 0
  for (const { date, amount } of days) {
    if (amount === 0) continue
    const view = lotsFor(date)
    lacking += lackOf(availableOn(view, overdraft, date), amount)
    let rest = amount
    for (const lot of usableOn(view, date)) {
      const part = Math.min(rest, Math.max(0, lot.remaining))
      take(lot, date, part)
      rest -= part
    }
    take(debtorOn(view, date, newId), date, rest)
  }

  const [first] = takings
  if (booked && first && lacking === 0) {
    // What is taken now may be missing in what carries over, on which later leave counts.
    const before = owedBy(lotsAhead(facts, account, booked, first.date))
    const owed = owedBy(lotsFor(first.date))
    lacking = lackOf(overdraft === null ? null : Math.max(overdraft, before), owed)
  }
  const old = new Set(account.lots.map(({ id }) => id))
  const newLots = [...lots.values()].filter(({ id }) => !old.has(id)).map(unopened)
  const floor = overdraft === null ? null : -Math.max(overdraft, owedBy([...lots.values()]))
  return { takings, newLots, floor, lacking }
}

/** A lot that a forecast expects, before anything was booked in it. */
const unopened = ({ id, origin, yearFrom, usableFrom, usableTo }: Lot): Lot =>
  newLot({ id, origin, yearFrom, usableFrom, usableTo })

/** Reservations, or consumptions, of what is taken. */
export const entriesOf = (
  takings: readonly Taking[],
  kind: 'reservation' | 'consumption',
  requestId: string,
): EntryDraft[] =>
  takings.map(({ lotId, date, amount }) => ({ lotId, kind, amount: -amount, effectiveOn: date, requestId }))

/** An entry of a request that was not reversed yet. */
export interface Taken extends Pick<EntryDraft, 'lotId' | 'amount' | 'effectiveOn'> {
  id: string
}

/** Gives back what an entry has taken, to the same lot. */
export const reversalOf = ({ id, lotId, amount, effectiveOn }: Taken, requestId: string): EntryDraft => ({
  lotId,
  kind: 'reversal',
  amount: -amount,
  effectiveOn,
  requestId,
  reverses: id,
})

/** The account as it is when entries have given something back. */
export const givenBack = (account: Account, entries: readonly EntryDraft[]): Account => ({
  ...account,
  balance: account.balance + sumOf(entries),
  lots: account.lots.map((lot) => ({
    ...lot,
    remaining: lot.remaining + sumOf(entries.filter(({ lotId }) => lotId === lot.id)),
  })),
})

const lackOf = (available: Amount | null, amount: Amount): Amount =>
  available === null ? 0 : Math.max(0, amount - Math.max(0, available))

/** Who owes what is not there: the lot of that day that lapses last, else one for what is overdrawn. */
function debtorOn(lots: readonly Lot[], date: string, newId: () => string): Lot {
  const usable = usableOn(lots, date)
  return (
    usable.findLast(({ origin }) => origin !== 'overdraft') ??
    usable.at(-1) ??
    newLot({ id: newId(), origin: 'overdraft', usableFrom: date })
  )
}

/**
 * Lots as they can be counted on for a day to come, with what accrues and lapses until then: each with the least that it
 * will hold from that day on, so that nothing is taken that leave on a later day needs.
 */
export function lotsAhead(facts: Facts, account: Account, booked: readonly Taking[], date: string): Lot[] {
  const days = [date, ...booked.map((one) => one.date).filter((day) => day > date)].sort()
  const expected = forecast(facts, account, days.at(-1)!)
  const base = new Map(account.lots.map(({ id, remaining }) => [id, remaining]))
  return expected.account.lots.map((lot) => {
    const changes = [
      ...expected.entries
        .filter(({ lotId }) => lotId === lot.id)
        .map((one) => [one.effectiveOn, one.amount] as const),
      // The ledger has taken it already; until its day it is there.
      ...booked.filter(({ lotId }) => lotId === lot.id).map((one) => [one.date, -one.amount] as const),
    ]
    const begin =
      (base.get(lot.id) ?? 0) +
      booked.reduce((sum, { lotId, amount }) => (lotId === lot.id ? sum + amount : sum), 0)
    const on = (day: string) =>
      changes.reduce((sum, [from, amount]) => (from <= day ? sum + amount : sum), begin)
    // What is left on its last day lapses or carries over the day after.
    const last = lot.usableTo ?? days.at(-1)!
    const relevant = days.filter((day, i) => i === 0 || day <= last)
    return { ...lot, remaining: Math.min(...relevant.map(on)) }
  })
}
