import { z } from 'zod'
import { timeZone } from '#kit/schemas.ts'
import type { ImportOptions } from '../store/import.ts'
import type { Columns } from './columns.ts'

export interface Issue {
  severity: 'error' | 'warning'
  rule: string
  /** Header of the column. */
  column: string | null
  detail: string
}

/** The cells of one record by field; what breaks a rule is noted, and reads as absent. */
export class Cells {
  readonly issues: Issue[] = []
  private readonly columns: Columns
  private readonly record: readonly string[]
  private readonly options: ImportOptions

  constructor(columns: Columns, record: readonly string[], options: ImportOptions) {
    this.columns = columns
    this.record = record
    this.options = options
    if (record.length !== columns.width)
      this.note(
        'error',
        'column-count',
        null,
        `Has ${record.length} columns, the header has ${columns.width}`,
      )
  }

  get failed(): boolean {
    return this.issues.some(({ severity }) => severity === 'error')
  }

  error(rule: string, field: string | null, detail: string): undefined {
    return this.note('error', rule, field, detail)
  }

  warn(rule: string, field: string | null, detail: string): undefined {
    return this.note('warning', rule, field, detail)
  }

  private note(severity: Issue['severity'], rule: string, field: string | null, detail: string): undefined {
    const column = field === null ? null : (this.columns.fields.get(field)?.header ?? null)
    this.issues.push({ severity, rule, column, detail })
    return undefined
  }

  /** Undefined where the file has no such column, null where the cell is empty. */
  text(field: string, max: number): string | null | undefined {
    const column = this.columns.fields.get(field)
    if (!column) return undefined
    const value = (this.record[column.index] ?? '').trim()
    if (value === '') return null
    if (value.length > max) return this.error('too-big', field, `Is longer than ${max} characters`)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that's what is looked for
    if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(value))
      return this.error('control-character', field, 'Has a control character')
    return value
  }

  required(field: string, max: number): string | undefined {
    const value = this.text(field, max)
    return value === null ? this.error('required', field, 'Is empty') : value
  }

  date(field: string): string | null | undefined {
    const value = this.text(field, 40)
    if (value === null || value === undefined) return value
    return (
      parseDate(value, this.options.dateFormat) ??
      this.error('date', field, `Is no date ${this.options.dateFormat}`)
    )
  }

  requiredDate(field: string): string | undefined {
    const value = this.date(field)
    return value === null ? this.error('required', field, 'Is empty') : value
  }

  fte(field: string): number | null | undefined {
    const value = this.text(field, 40)
    if (value === null || value === undefined) return value
    const number = /^\d*\.?\d{1,3}$/.test(value) ? Number(value) : Number.NaN
    return number > 0 && number <= 1
      ? number
      : this.error('number', field, 'Is no number above 0, at most 1, with at most 3 decimals')
  }

  oneOf<T extends string>(field: string, values: readonly T[]): T | null | undefined {
    const value = this.text(field, 60)
    if (value === null || value === undefined) return value
    const found = values.find((one) => one === value.toLowerCase())
    return found ?? this.error('one-of', field, `Is none of ${values.join(', ')}`)
  }

  timeZone(field: string): string | null | undefined {
    const value = this.text(field, 64)
    if (value === null || value === undefined) return value
    return isTimeZone(value) ? value : this.error('time-zone', field, 'Is no time zone of the IANA database')
  }

  email(field: string): string | null | undefined {
    const value = this.text(field, 254)
    if (value === null || value === undefined) return value
    const { emailDomain } = this.options
    const address = value.includes('@') || !emailDomain ? value : `${value}@${emailDomain}`.toLowerCase()
    if (email.safeParse(address).success) return address
    return value.includes('@')
      ? this.error('email', field, 'Is no e-mail address')
      : this.error('email', field, 'Has no domain: give the option emailDomain')
  }
}

const email = z.email().max(254)

/** Asking Intl takes long, and a file names few zones. */
const zones = new Map<string, boolean>()
function isTimeZone(name: string): boolean {
  const known = zones.get(name)
  if (known !== undefined) return known
  if (zones.size > 2000) zones.clear()
  const valid = timeZone.safeParse(name).success
  zones.set(name, valid)
  return valid
}

const patterns: Record<ImportOptions['dateFormat'], RegExp> = {
  'YYYY-MM-DD': /^(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})$/,
  'DD.MM.YYYY': /^(?<day>\d{1,2})\.(?<month>\d{1,2})\.(?<year>\d{4})$/,
  'DD/MM/YYYY': /^(?<day>\d{1,2})\/(?<month>\d{1,2})\/(?<year>\d{4})$/,
  'MM/DD/YYYY': /^(?<month>\d{1,2})\/(?<day>\d{1,2})\/(?<year>\d{4})$/,
}

/** A calendar date as YYYY-MM-DD; undefined if it isn't written so, or there is no such day. */
export function parseDate(value: string, format: ImportOptions['dateFormat']): string | undefined {
  const groups = patterns[format].exec(value)?.groups
  if (!groups) return undefined
  const [year, month, day] = [Number(groups.year), Number(groups.month), Number(groups.day)]
  const date = new Date(Date.UTC(year, month - 1, day))
  if (year < 1000 || year > 9998 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day)
    return undefined
  return date.toISOString().slice(0, 10)
}
