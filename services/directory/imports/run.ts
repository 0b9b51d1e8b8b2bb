import type { Call } from '#kit/call.ts'
import { callerOf } from '#kit/call.ts'
import type { CommandTx } from '#kit/command.ts'
import type { Database } from '#kit/database.ts'
import { DomainError } from '#kit/problem.ts'
import { endImport, type Import, type ImportState, lockImport } from '../store/import.ts'
import { readPiece } from '../store/upload.ts'
import { Cells } from './cells.ts'
import { type Columns, readHeader } from './columns.ts'
import { employeeImporter } from './employees.ts'
import { FileProblem } from './file-problem.ts'
import type { Importer, ReadRow } from './importer.ts'
import { jobHistoryImporter } from './job-history.ts'
import { insertKeys, loadKeys, markCycles, markPending, takePending } from './keys.ts'
import { orgUnitImporter } from './org-units.ts'
import { positionImporter } from './positions.ts'
import { countOutcomes, issuesOf, linkIssuesOf, saveIssues, savePhase, saveProgress } from './progress.ts'
import { readRecords } from './reader.ts'

/** Rows of one transaction: enough to spread its cost, few enough to hold no lock for long. */
const batchSize = 500

/** After so many batches the tables have grown enough for the planner to look at them again. */
const analyzeAfter = new Set([1, 8, 32])

/**
 * Works an import off: reads the whole file once to see what stands where (`index`), then decides and writes row by
 * row (`apply`), then sets superiors that stood further down (`link`). Each batch is a transaction that also says how
 * far the work has got, so that it goes on from there after a crash, and each row takes effect once.
 */
export async function runImport(database: Database, call: Call, importId: string): Promise<void> {
  const job = await begin(database, call, importId)
  if (!job) return
  const run = runOf(database, call, job)
  try {
    if (job.phase === 'index') await run.index()
    if (job.phase === 'apply') await run.apply()
    await run.link()
    await run.write((tx) => endImport(tx, importId, job.dryRun ? 'validated' : 'completed'))
  } catch (error) {
    if (error instanceof Stopped) return
    if (!(error instanceof FileProblem)) throw error
    await run.write((tx) => endImport(tx, importId, 'failed', { rule: error.rule, detail: error.message }))
  }
}

/** Drops an uploaded file that nobody has imported for long. */
export async function discardImport(database: Database, call: Call, importId: string): Promise<void> {
  await database.write(call, async (tx) => {
    if (await lockIfIn(tx, importId, ['created', 'uploaded', 'validated']))
      await endImport(tx, importId, 'cancelled')
  })
}

/** Somebody has cancelled the import. */
class Stopped extends Error {}

/** Takes the import on, or up again; undefined if there is nothing to do. */
const begin = (database: Database, call: Call, importId: string): Promise<Import | undefined> =>
  database.write(call, async (tx) => {
    const job = await lockIfIn(tx, importId, ['queued', 'running'])
    if (job)
      await tx.query(`update import set state = 'running', version = version + 1 where id = $1`, [importId])
    return job
  })

async function lockIfIn(
  tx: CommandTx,
  importId: string,
  states: readonly ImportState[],
): Promise<Import | undefined> {
  try {
    return await lockImport(tx, importId, states)
  } catch (error) {
    if (error instanceof DomainError && ['import-state', 'import-not-found'].includes(error.code))
      return undefined
    throw error
  }
}

const importers = {
  'org-units': orgUnitImporter,
  positions: positionImporter,
  employees: employeeImporter,
  'job-history': jobHistoryImporter,
}

function runOf(database: Database, background: Call, job: Import) {
  // Each kind's importer reads and applies values of its own type, which nothing here looks into.
  const importer = importers[job.kind] as unknown as Importer<unknown>
  // What is written is audited in the name of who started it.
  const call: Call = {
    ...background,
    operation: 'startImport',
    caller: { ...callerOf(background), account: job.account, client: job.client },
  }
  let bytes = 0

  /** One step, unless the import was cancelled meanwhile. */
  const write = <T>(step: (tx: CommandTx) => Promise<T>): Promise<T> =>
    database.write(call, async (tx) => {
      const [row] = await tx.query<{ state: string }>(
        'select state from import where id = $1 for no key update',
        [job.id],
        'import_state',
      )
      if (row?.state !== 'running') throw new Stopped()
      return step(tx)
    })

  async function* pieces() {
    bytes = 0
    for (let number = 0; ; number++) {
      const piece = await database.read(call, (tx) => readPiece(tx, job.id, number))
      if (!piece) return
      bytes += piece.byteLength
      yield piece
    }
  }

  /** The rows of the file in batches, those left out that are done; with the number of rows up to there. */
  async function* batches(done: number): AsyncGenerator<{ rows: ReadRow<unknown>[]; records: number }> {
    let columns: Columns | undefined
    let rows: ReadRow<unknown>[] = []
    let records = 0
    for await (const record of readRecords(pieces(), job.options.delimiter)) {
      if (!columns) {
        columns = readHeader(job.kind, job.mapping, header(record.cells))
        if (job.phase === 'index') await write((tx) => saveIgnored(tx, job.id, columns!.ignored))
        continue
      }
      if (++records <= done) continue
      rows.push(readRow(columns, record.line, record.cells, record.broken))
      if (rows.length < batchSize) continue
      yield { rows, records }
      rows = []
    }
    header(columns ? [] : undefined)
    if (records === 0) throw new FileProblem('no-rows', 'The file has a header and no row')
    if (rows.length > 0) yield { rows, records }
  }

  function readRow(
    columns: Columns,
    line: number,
    record: string[] | undefined,
    broken: string | undefined,
  ): ReadRow<unknown> {
    const cells = new Cells(columns, record ?? Array<string>(columns.width).fill(''), job.options)
    if (broken !== undefined) cells.error('csv', null, broken)
    const value = cells.failed ? undefined : importer.read(cells, job)
    const outcome = value === undefined || cells.failed ? 'failed' : 'unchanged'
    return { line, cells, value: outcome === 'failed' ? undefined : value, outcome, pendingFrom: null }
  }

  async function index(): Promise<void> {
    for await (const { rows, records } of batches(job.recordsDone))
      await write(async (tx) => {
        const keys = rows.flatMap((row) =>
          row.value === undefined || !importer.keyOf
            ? []
            : [{ ...importer.keyOf(row.value), line: row.line, bad: false }],
        )
        await insertKeys(tx, job.id, keys)
        await saveProgress(tx, job, { records, bytes, outcomes: {}, warnings: 0 })
      })
    await write(async (tx) => {
      if (importer.keyOf) {
        await tx.query('analyze import_key')
        await markCycles(tx, job.id)
      }
      await savePhase(tx, job.id, 'apply')
    })
    job.phase = 'apply'
    job.recordsDone = 0
  }

  async function apply(): Promise<void> {
    let count = 0
    for await (const { rows, records } of batches(job.recordsDone)) {
      await write(async (tx) => {
        const keys = await keysFor(tx, rows)
        for (const row of rows) checkKey(row, keys)
        await importer.apply({ tx, import: job, rows, keys })
        for (const row of rows) if (row.cells.failed) row.outcome = 'failed'
        const issues = issuesOf(rows)
        await Promise.all([
          markPending(tx, job.id, pendingOf(rows)),
          saveIssues(tx, job.id, issues),
          saveProgress(tx, job, {
            records,
            bytes,
            outcomes: countOutcomes(rows),
            warnings: issues.filter(({ severity }) => severity === 'warning').length,
          }),
        ])
      })
      if (!job.dryRun && analyzeAfter.has(++count))
        await write(async (tx) => void (await tx.query('analyze employee, employment, employee_version')))
    }
    await write((tx) => savePhase(tx, job.id, 'link'))
  }

  const pendingOf = (rows: readonly ReadRow<unknown>[]) =>
    rows.flatMap(({ value, pendingFrom, outcome }) =>
      pendingFrom === null || outcome === 'failed'
        ? []
        : [{ key: importer.keyOf!(value).key, from: pendingFrom }],
    )

  async function keysFor(tx: CommandTx, rows: readonly ReadRow<unknown>[]) {
    if (!importer.keyOf) return new Map()
    const names = rows.flatMap(({ value }) => {
      if (value === undefined) return []
      const { key, parentKey } = importer.keyOf!(value)
      return parentKey === null ? [key] : [key, parentKey]
    })
    return loadKeys(tx, job.id, [...new Set(names)])
  }

  /** What only the whole file shows: a key that stands twice, a circle. */
  function checkKey(row: ReadRow<unknown>, keys: Awaited<ReturnType<typeof loadKeys>>): void {
    if (row.value === undefined || !importer.keyOf) return
    const { key, parentKey } = importer.keyOf(row.value)
    const first = keys.get(key)
    const fields = importer.keyFields!
    if (first && first.line !== row.line)
      row.cells.error('duplicate-in-file', fields.key, `Stands in line ${first.line} already`)
    else if (parentKey === key) row.cells.error('own-superior', fields.parent, 'Names the row itself')
    else if (first?.cyclic)
      row.cells.error('circular', fields.parent, 'Leads back to this row, through others of the file')
    if (row.cells.failed) row.value = undefined
  }

  async function link(): Promise<void> {
    if (!importer.link || job.dryRun) return
    for (let more = true; more; )
      more = await write(async (tx) => {
        const keys = await takePending(tx, job.id, batchSize)
        if (keys.length === 0) return false
        const issues = await importer.link!(tx, job, keys)
        await saveIssues(tx, job.id, linkIssuesOf(issues, null))
        await tx.query('update import set warnings = warnings + $2 where id = $1', [job.id, issues.length])
        return true
      })
  }

  return { write, index, apply, link }
}

function header(cells: string[] | undefined): string[] {
  if (!cells) throw new FileProblem('empty', 'The file has no header that can be read')
  return cells
}

const saveIgnored = (tx: CommandTx, importId: string, columns: string[]) =>
  tx.query('update import set ignored_columns = $2 where id = $1', [importId, columns])
