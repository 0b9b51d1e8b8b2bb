import type { z } from 'zod'
import type { CommandTx } from '#kit/command.ts'
import { exactInstantOf } from '#kit/sql.ts'
import type { Tx } from '#kit/tx.ts'
import type { importOptions, importResource } from '../contract/imports.ts'
import { refuse } from '../domain/refuse.ts'

export type ImportView = z.output<typeof importResource>
export type ImportKind = ImportView['kind']
export type ImportState = ImportView['state']
export type ImportOptions = Omit<z.output<typeof importOptions>, 'dryRun'>

/** An import as the worker sees it. */
export interface Import {
  id: string
  kind: ImportKind
  state: ImportState
  dryRun: boolean
  mapping: Record<string, string>
  options: ImportOptions
  account: string
  client: string
  phase: 'index' | 'apply' | 'link' | 'done'
  recordsDone: number
  createdOn: string
}

const viewColumns = `
  id, kind, state, dry_run as "dryRun", mapping, options, file_bytes::float8 as "fileBytes",
  file_digest as "fileDigest", ignored_columns as "ignoredColumns", rows::float8 as rows, created::float8 as created,
  changed::float8 as changed, unchanged::float8 as unchanged, skipped::float8 as skipped, failed::float8 as failed,
  warnings::float8 as warnings, bytes_read::float8 as "bytesRead", failure_rule as "failureRule",
  failure_detail as "failureDetail", ${exactInstantOf('created_at')} as "createdAt",
  ${exactInstantOf('started_at')} as "startedAt", ${exactInstantOf('ended_at')} as "endedAt", version::float8 as version`

type Row = Omit<ImportView, 'options' | 'file' | 'progress' | 'failure'> &
  ImportView['progress'] & {
    options: ImportOptions
    fileBytes: number | null
    fileDigest: string | null
    failureRule: string | null
    failureDetail: string | null
  }

function toView(row: Row): ImportView {
  const { delimiter, dateFormat, effectiveFrom, emailDomain, defaults } = row.options
  const { rows, created, changed, unchanged, skipped, failed, warnings, bytesRead } = row
  return {
    ...row,
    options: {
      delimiter,
      dateFormat,
      effectiveFrom: effectiveFrom ?? null,
      emailDomain: emailDomain ?? null,
      defaults: defaults as Record<string, string>,
    },
    file: row.fileBytes === null ? null : { bytes: row.fileBytes, digest: row.fileDigest! },
    progress: { rows, created, changed, unchanged, skipped, failed, warnings, bytesRead },
    failure: row.failureRule === null ? null : { rule: row.failureRule, detail: row.failureDetail! },
  }
}

export async function readImport(tx: Tx, id: string): Promise<ImportView> {
  const [row] = await tx.query<Row>(`select ${viewColumns} from import where id = $1`, [id], 'import_read')
  if (!row) throw refuse('import-not-found')
  return toView(row)
}

export async function readImports(tx: Tx, before: string | null, limit: number): Promise<ImportView[]> {
  const rows = await tx.query<Row>(
    `select ${viewColumns} from import where $1::uuid is null or id < $1 order by id desc limit $2`,
    [before, limit],
    'import_list',
  )
  return rows.map(toView)
}

/** Locks an import; refuses unless it is in one of the states. */
export async function lockImport(tx: Tx, id: string, states: readonly ImportState[]): Promise<Import> {
  const [row] = await tx.query<Import>(
    `select id, kind, state, dry_run as "dryRun", mapping, options, account, client, phase,
            records_done::float8 as "recordsDone", (created_at at time zone 'utc')::date::text as "createdOn"
     from import where id = $1 for update`,
    [id],
    'import_lock',
  )
  if (!row) throw refuse('import-not-found')
  if (!states.includes(row.state)) throw refuse('import-state', { detail: `The import is ${row.state}` })
  return row
}

export async function insertImport(
  tx: CommandTx,
  given: {
    id: string
    kind: ImportKind
    dryRun: boolean
    mapping: Record<string, string>
    options: ImportOptions
    account: string
    client: string
  },
): Promise<void> {
  await tx.query(
    `insert into import (tenant, id, kind, dry_run, mapping, options, account, client)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      tx.tenant,
      given.id,
      given.kind,
      given.dryRun,
      JSON.stringify(given.mapping),
      JSON.stringify(given.options),
      given.account,
      given.client,
    ],
    'import_insert',
  )
}

/** Sets an import to its beginning: to be read from the first row. */
export async function queueImport(
  tx: Tx,
  id: string,
  by: { dryRun: boolean; account: string; client: string },
): Promise<void> {
  await Promise.all([
    tx.query(
      `update import set state = 'queued', dry_run = $2, account = $3, client = $4, phase = 'index',
         records_done = 0, bytes_read = 0, rows = 0, created = 0, changed = 0, unchanged = 0, skipped = 0,
         failed = 0, warnings = 0, failure_rule = null, failure_detail = null, ignored_columns = '{}',
         started_at = now(), ended_at = null, version = version + 1
       where id = $1`,
      [id, by.dryRun, by.account, by.client],
      'import_queue',
    ),
    tx.query('delete from import_issue where import_id = $1', [id]),
    tx.query('delete from import_key where import_id = $1', [id]),
  ])
}

/** Ends an import. Only what can be started again keeps its file. */
export async function endImport(
  tx: Tx,
  id: string,
  state: 'validated' | 'completed' | 'failed' | 'cancelled',
  failure: { rule: string; detail: string } | null = null,
): Promise<void> {
  await Promise.all([
    tx.query(
      `update import set state = $2, phase = 'done', ended_at = now(), failure_rule = $3, failure_detail = $4,
         version = version + 1 where id = $1`,
      [id, state, failure?.rule ?? null, failure?.detail ?? null],
      'import_end',
    ),
    tx.query('delete from import_key where import_id = $1', [id]),
    state !== 'validated' && tx.query('delete from import_chunk where import_id = $1', [id]),
  ])
}

export interface IssueRow {
  line: number
  number: number
  column: string | null
  severity: 'error' | 'warning'
  rule: string
  detail: string
}

/** A page of what is wrong, by line; `after` is the last line and number of the page before. */
export const readIssues = (
  tx: Tx,
  options: { importId: string; severity: string | null; after: [number, number]; limit: number },
): Promise<IssueRow[]> =>
  tx.query(
    `select line, number, field as "column", severity, rule, detail from import_issue
     where import_id = $1 and ($2::text is null or severity = $2) and (line, number) > ($3, $4)
     order by line, number limit $5`,
    [options.importId, options.severity, ...options.after, options.limit],
    'import_issues',
  )
