/** Rows as CSV (RFC 4180) with a header; an absent value is an empty field. */
export function csv<T extends object>(columns: readonly (keyof T & string)[], rows: readonly T[]): string {
  const line = (fields: readonly unknown[]) => fields.map(field).join(',')
  return `${[line(columns), ...rows.map((row) => line(columns.map((column) => row[column])))].join('\n')}\n`
}

const field = (value: unknown) => {
  const text = value === undefined ? '' : String(value)
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
