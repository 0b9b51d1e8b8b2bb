/** An exact number. The denominator is above zero; terms need not be lowest. */
export interface Fraction {
  numerator: bigint
  denominator: bigint
}

export const zero: Fraction = { numerator: 0n, denominator: 1n }

/** Of whole numbers. */
export const fraction = (numerator: number, denominator: number): Fraction => ({
  numerator: BigInt(numerator),
  denominator: BigInt(denominator),
})

export const plus = (a: Fraction, b: Fraction): Fraction =>
  a.denominator === b.denominator
    ? { numerator: a.numerator + b.numerator, denominator: a.denominator }
    : {
        numerator: a.numerator * b.denominator + b.numerator * a.denominator,
        denominator: a.denominator * b.denominator,
      }

export const minus = (a: Fraction, b: Fraction): Fraction => plus(a, { ...b, numerator: -b.numerator })

export const times = (a: Fraction, b: Fraction): Fraction => ({
  numerator: a.numerator * b.numerator,
  denominator: a.denominator * b.denominator,
})

/** The nearest multiple of a whole number, the greater one where two are as near; not for negative numbers. */
export function roundedTo({ numerator, denominator }: Fraction, step: number): number {
  const unit = denominator * BigInt(step)
  return Number((2n * numerator + unit) / (2n * unit)) * step
}
