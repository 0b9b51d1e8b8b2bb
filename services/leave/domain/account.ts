import type { Amount } from './amount.ts'
import type { LeaveType, Lot, Person, Policy, Schedules } from './model.ts'

/** By what an account is settled. */
export interface Facts {
  person: Person
  type: LeaveType
  /** All of the company's, by rank. */
  policies: readonly Policy[]
  /** Their patterns are what hourly accrual goes by; their holidays count for nothing here. */
  schedules: Schedules
}

/** What an employee has of a leave type. */
export interface Account {
  id: string
  employeeId: string
  typeId: string
  /** The ledger begins with the leave year that this day lies in. */
  since: string
  /** The sum of all entries, those for later days too. */
  balance: Amount
  /** What the balance may not fall below; null: there is no limit. */
  floor: Amount | null
  settledThrough: string | null
  /** Before this day nothing is due; null: nothing ever is. */
  dueOn: string | null
  version: number
  /** All of them, those that are closed too. */
  lots: readonly Lot[]
}

/** A lot with nothing in it, whatever a forecast expects of it. */
export const newLot = ({
  id,
  origin,
  usableFrom,
  usableTo = null,
  yearFrom = null,
}: Pick<Lot, 'id' | 'origin' | 'usableFrom'> & Partial<Lot>): Lot => ({
  id,
  origin,
  yearFrom,
  usableFrom,
  usableTo,
  remaining: 0,
  rated: 0,
  carried: 0,
  closedOn: null,
})

export const sumOf = (entries: readonly { amount: Amount }[]): Amount =>
  entries.reduce((sum, { amount }) => sum + amount, 0)

/** How far a balance may fall: what is further down already, by a rule that changed, may not fall any more. */
export const floorOf = ({ overdraft }: LeaveType, balance: Amount): Amount | null =>
  overdraft === null ? null : Math.min(-overdraft, balance)

const isUsable = (lot: Lot, day: string): boolean =>
  lot.usableFrom <= day && (lot.usableTo === null || day <= lot.usableTo)

/** The lots that leave on a day may be taken from, in the order in which they are: what lapses first is first. */
export const usableOn = (lots: readonly Lot[], day: string): Lot[] =>
  lots.filter((lot) => isUsable(lot, day)).sort(byLapse)

/** The same for the same lots, in whichever order they are read. */
export const byLapse = (a: Lot, b: Lot): number =>
  compare(a.usableTo ?? 'never', b.usableTo ?? 'never') ||
  compare(a.usableFrom, b.usableFrom) ||
  compare(a.id, b.id)

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** What lots are short of together. */
export const owedBy = (lots: readonly Lot[]): Amount =>
  lots.reduce((sum, { remaining }) => sum - Math.min(0, remaining), 0)

/**
 * What may still be taken on a day, considering all that is booked; null: there is no limit. What other lots owe counts
 * against the overdraft, what they will have does not help.
 */
export function availableOn(lots: readonly Lot[], overdraft: Amount | null, day: string): Amount | null {
  if (overdraft === null) return null
  const usable = usableOn(lots, day).reduce((sum, { remaining }) => sum + Math.max(0, remaining), 0)
  return usable + overdraft - owedBy(lots)
}
