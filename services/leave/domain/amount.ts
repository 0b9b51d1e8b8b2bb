/** Whole thousandths of a day or an hour: sums are exact. */
export type Amount = number

/** From what the API speaks in: days or hours to a thousandth. */
export const amountOf = (value: number): Amount => Math.round(value * 1000)
export const inUnits = (amount: Amount): number => amount / 1000
