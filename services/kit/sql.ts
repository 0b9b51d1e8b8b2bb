/** A statement in the making: values become parameters. */
export class Parameters {
  readonly values: unknown[] = []

  value(value: unknown): string {
    this.values.push(value)
    return `$${this.values.length}`
  }
}

/** Conditions that hold together. */
export const allOf = (conditions: readonly string[]): string => conditions.join(' and ') || 'true'

const asInstant = (column: string, fraction: 'MS' | 'US') =>
  `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.${fraction}"Z"')`

/** An instant as contracts write it, to the millisecond. */
export const instantOf = (column: string): string => asInstant(column, 'MS')

/** The same to the microsecond, as it is stored: then `updatedSince` misses nothing. */
export const exactInstantOf = (column: string): string => asInstant(column, 'US')
