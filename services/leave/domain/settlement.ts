import { type Account, type Facts, floorOf, sumOf } from './account.ts'
import type { EntryDraft, Lot } from './model.ts'

export interface Settlement {
  /** In the order in which they take effect. */
  entries: EntryDraft[]
  /** All lots as they are with these entries; those that are new have ids of their own. */
  lots: readonly Lot[]
  /** The next day on which something may be due; null: nothing ever is. */
  dueOn: string | null
}

/** What is due of an account through a day and not booked yet; and the account as it is with that. */
export function settle(
  facts: Facts,
  account: Account,
  through: string,
): { entries: EntryDraft[]; account: Account } {
  if (account.dueOn === null || through < account.dueOn) return { entries: [], account }
  const { entries, lots, dueOn }: Settlement = { entries: [], lots: account.lots, dueOn: null }
  const balance = account.balance + sumOf(entries)
  return {
    entries,
    account: {
      ...account,
      lots,
      balance,
      floor: floorOf(facts.type, balance),
      settledThrough: through,
      dueOn,
    },
  }
}

/** What entries put into lots that are closed, or take from them, goes the way that the rest of those went, at once. */
export function closeAgain(
  _facts: Facts,
  lots: readonly Lot[],
  _booked: readonly EntryDraft[],
): { entries: EntryDraft[]; lots: readonly Lot[] } {
  return { entries: [], lots }
}
