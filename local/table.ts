/** Rows as lines with aligned columns, indented by two; of the numbered columns the right ends are. */
export function table(rows: readonly string[][], toTheRight: readonly number[] = []): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const aligned = (cell: string, column: number) =>
    toTheRight.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)
  return rows.map((row) => `  ${row.map(aligned).join('  ')}`.trimEnd())
}
