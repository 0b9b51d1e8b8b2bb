import type { Tx } from '#kit/tx.ts'
import type { Import } from '../store/import.ts'
import type { LinkIssue, Outcome, ReadRow } from './importer.ts'

/** Records that this batch has done; with it the work goes on from here after a crash. */
export async function saveProgress(
  tx: Tx,
  job: Import,
  done: { records: number; bytes: number; outcomes: Partial<Record<Outcome, number>>; warnings: number },
): Promise<void> {
  const { created = 0, changed = 0, unchanged = 0, skipped = 0, failed = 0 } = done.outcomes
  await tx.query(
    `update import set records_done = $2, bytes_read = $3, rows = rows + $4, created = created + $5,
       changed = changed + $6, unchanged = unchanged + $7, skipped = skipped + $8, failed = failed + $9,
       warnings = warnings + $10, version = version + 1
     where id = $1`,
    [
      job.id,
      done.records,
      done.bytes,
      created + changed + unchanged + skipped + failed,
      created,
      changed,
      unchanged,
      skipped,
      failed,
      done.warnings,
    ],
    'import_progress',
  )
}

export async function savePhase(tx: Tx, importId: string, phase: Import['phase']): Promise<void> {
  // Only the step that applies the rows reads the file again.
  await tx.query(
    `update import set phase = $2, records_done = 0, version = version + 1,
       bytes_read = case $2 when 'apply' then 0 else bytes_read end
     where id = $1`,
    [importId, phase],
    'import_phase',
  )
}

export function countOutcomes(rows: readonly ReadRow<unknown>[]): Partial<Record<Outcome, number>> {
  const counts: Partial<Record<Outcome, number>> = {}
  for (const { outcome } of rows) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

interface IssueRow {
  line: number
  number: number
  severity: string
  rule: string
  column: string | null
  detail: string
}

export const issuesOf = (rows: readonly ReadRow<unknown>[]): IssueRow[] =>
  rows.flatMap(({ line, cells }) =>
    cells.issues.map((issue, index) => ({ line, number: index + 1, ...issue })),
  )

/** What came up when superiors were set counts after what came up when the row was read. */
export const linkIssuesOf = (issues: readonly LinkIssue[], column: string | null): IssueRow[] =>
  issues.map((issue) => ({ ...issue, number: 100, severity: 'warning', column }))

export async function saveIssues(tx: Tx, importId: string, issues: readonly IssueRow[]): Promise<void> {
  if (issues.length === 0) return
  await tx.query(
    `insert into import_issue (tenant, import_id, line, number, severity, rule, field, detail)
     select $1, $2, * from unnest($3::int[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[])
     on conflict do nothing`,
    [
      tx.tenant,
      importId,
      issues.map(({ line }) => line),
      issues.map(({ number }) => number),
      issues.map(({ severity }) => severity),
      issues.map(({ rule }) => rule),
      issues.map(({ column }) => column),
      issues.map(({ detail }) => detail),
    ],
    'import_issue_insert',
  )
}
