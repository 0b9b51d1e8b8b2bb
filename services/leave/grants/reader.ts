import { createHash } from 'node:crypto'
import { CsvError } from 'csv-parse'
import { parse } from 'csv-parse/sync'
import type { z } from 'zod'
import { localDate, text } from '#kit/schemas.ts'
import { positiveAmount } from '../contract/schemas.ts'
import { type Amount, amountOf } from '../domain/amount.ts'

/** What is wrong with a file, or with a row of it; values are not repeated. */
export interface RowProblem {
  /** The header is line 1. */
  line: number
  column: string | null
  rule: string
  detail: string
}

export interface GrantRow {
  line: number
  employeeNumber: string
  leaveType: string
  amount: Amount
  usableFrom: string
  usableTo: string | null
  reason: string
}

const columns = ['employeeNumber', 'leaveType', 'amount', 'usableFrom', 'usableTo', 'reason'] as const
type Column = (typeof columns)[number]

/** Only a grant without an end may leave its column out. */
const needed: readonly Column[] = columns.filter((column) => column !== 'usableTo')

/** A quote that is never closed would swallow the rest of the file. */
const longestRecord = 16 * 1024

/** The rows of a CSV file that can be read, and what is wrong with the others. */
export function readGrants(file: Uint8Array): { count: number; rows: GrantRow[]; problems: RowProblem[] } {
  const problems: RowProblem[] = []
  const ofFile = (rule: string, detail: string, column: string | null = null) => ({
    count: 0,
    rows: [],
    problems: [{ line: 1, column, rule, detail }],
  })
  let content: string
  try {
    content = new TextDecoder('utf-8', { fatal: true }).decode(file)
  } catch {
    return ofFile('encoding', 'The file is not UTF-8: save it as CSV UTF-8')
  }
  const records = parse(content, {
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: longestRecord,
    on_skip: (error) => {
      const line = error instanceof CsvError ? Number((error as { lines?: number }).lines ?? 1) : 1
      problems.push({ line, column: null, rule: 'csv', detail: 'The record is not well-formed CSV' })
      return undefined
    },
  }) as unknown as { info: { lines: number }; record: string[] }[]
  const [first, ...rest] = records
  if (!first) return ofFile('empty', `The file has no header: ${columns.join(',')}`)
  const header = first.record.map((name) => name.trim())
  const missing = needed.find((column) => !header.includes(column))
  if (missing) return ofFile('missing-column', `There is no column ${missing}`, missing)
  const twice = columns.find((column) => header.indexOf(column) !== header.lastIndexOf(column))
  if (twice) return ofFile('duplicate-header', `More than one column is called ${twice}`, twice)

  const rows: GrantRow[] = []
  for (const { info, record } of rest) {
    // Lines are counted at the end of a record; a quoted line break put it further down.
    const line = info.lines - record.reduce((sum, cell) => sum + cell.split('\n').length - 1, 0)
    const row = readRow(line, (column) => (record[header.indexOf(column)] ?? '').trim(), problems)
    if (row) rows.push(row)
  }
  problems.sort((a, b) => a.line - b.line)
  return { count: rest.length + problems.filter(({ rule }) => rule === 'csv').length, rows, problems }
}

function readRow(
  line: number,
  cell: (column: Column) => string,
  problems: RowProblem[],
): GrantRow | undefined {
  const before = problems.length
  const fail = (column: Column, rule: string, detail: string) => {
    problems.push({ line, column, rule, detail })
    return undefined
  }
  const read = <T>(
    column: Column,
    schema: z.ZodType<T>,
    rule: string,
    detail: string,
    value: unknown = cell(column),
  ) => {
    if (cell(column) === '') return fail(column, 'required', 'Is empty')
    const result = schema.safeParse(value)
    return result.success ? result.data : fail(column, rule, detail)
  }
  const date = (column: Column) => read(column, localDate, 'date', 'Is not a date like 2026-01-31')
  const number = /^\d+(\.\d+)?$/.test(cell('amount')) ? Number(cell('amount')) : undefined
  const row = {
    employeeNumber: read('employeeNumber', text(100), 'text', 'Is longer than 100 characters'),
    leaveType: read('leaveType', text(40), 'text', 'Is longer than 40 characters'),
    amount: read(
      'amount',
      positiveAmount,
      'amount',
      'Is not a number above 0 like 2.5, to a thousandth',
      number,
    ),
    usableFrom: date('usableFrom'),
    usableTo: cell('usableTo') === '' ? null : date('usableTo'),
    reason: read('reason', text(200), 'text', 'Is longer than 200 characters'),
  }
  if (row.usableTo && row.usableFrom && row.usableTo < row.usableFrom)
    fail('usableTo', 'ends-before-start', 'Is before usableFrom')
  if (problems.length > before) return undefined
  return { line, ...(row as Omit<GrantRow, 'line'>), amount: amountOf(row.amount!) }
}

/**
 * The id of the lot that a row grants: made from the row's content, so that the same row in another upload is the same
 * grant (RFC 9562, version 8).
 */
export function lotIdOf(tenant: string, employeeId: string, typeId: string, row: GrantRow): string {
  const { amount, usableFrom, usableTo, reason } = row
  const content = JSON.stringify([tenant, employeeId, typeId, amount, usableFrom, usableTo, reason])
  const hex = createHash('sha256').update(content).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
