import { z } from 'zod'

/**
 * PostgreSQL knows no year 0, and a year of less than four digits is a slip. The day after 9999-12-31, which some write
 * for "never", has no ordinary name.
 */
const hasCommonYear = (value: string) => value >= '1000' && !value.startsWith('9999')
const commonYear = { error: 'Is not between the years 1000 and 9998', params: { rule: 'year' } }

/** A date without a time zone, e.g. a joining date; 2026-02-30 is refused. */
export const localDate = z.iso
  .date()
  .refine(hasCommonYear, commonYear)
  .meta({ description: 'A calendar date, YYYY-MM-DD' })

/** An instant in UTC, RFC 3339. */
export const instant = z.iso
  .datetime()
  .refine(hasCommonYear, commonYear)
  .meta({ description: 'An instant in UTC' })

export const id = z.uuid().meta({ description: 'A UUID' })

/** A name of the IANA time zone database, e.g. Asia/Shanghai. */
export const timeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, { error: 'Not a time zone of the IANA database', params: { rule: 'time-zone' } })
  .meta({ description: 'An IANA time zone' })

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return /^[A-Za-z]/.test(zone)
  } catch {
    return false
  }
}

/** Text a person wrote: trimmed, not empty, storable (PostgreSQL takes no NUL, JSON readers no lone surrogate). */
export const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => value.isWellFormed(), {
      error: 'Has a lone surrogate, which is no text',
      params: { rule: 'lone-surrogate' },
    })
    .refine((value) => !hasControl(value), {
      error: 'Has a control character',
      params: { rule: 'control-character' },
    })
    .trim()
    .min(1)
    .meta({ description: `Text, at most ${max} characters` })

function hasControl(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if ((code < 32 && code !== 9 && code !== 10 && code !== 13) || code === 127) return true
  }
  return false
}

/** One of some values that later versions may add to: who reads it must bear with others than it knows. */
export const growing = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values).meta({ 'x-extensible-enum': true })

/** The version of an aggregate, its ETag in REST. */
export const version = z.int().min(1)

/** Query parameters and inputs of a page: opaque cursor and size. */
export const page = {
  cursor: z.string().max(500).optional().meta({ description: 'The `next` of the page before' }),
  limit: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'Items of a page at most' }),
}

/** A page of items; `next` is the cursor of the following one, null on the last. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next: z.string().nullable() })

/** Whom a read or command may touch, decided by the application service, enforced again by the data service. */
export const scope = z.discriminatedUnion('reach', [
  z.strictObject({ reach: z.literal('all') }),
  z.strictObject({ reach: z.enum(['self', 'reports']), employeeId: id }),
])
export type Scope = z.output<typeof scope>

/** Some values in one query parameter, separated by commas. */
export const listOf = <T extends z.ZodType<string, string>>(item: T) =>
  z
    .string()
    .max(200)
    .transform((value) => value.split(','))
    .pipe(z.array(item))
    .meta({ description: 'Comma-separated' })
