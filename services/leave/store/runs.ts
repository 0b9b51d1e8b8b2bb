import { instantOf } from '#kit/sql.ts'
import type { Tx } from '#kit/tx.ts'

export interface Run {
  id: string
  through: string
  state: 'queued' | 'running' | 'done'
  /** The last employee who is done. */
  cursor: string | null
  employees: number
  total: number
  entries: number
  failed: number
  startedAt: string
  version: number
}

const selectRun = `
  select id, through::text as through, state, cursor, employees, total, entries, failed,
    ${instantOf('started_at')} as "startedAt", version::float8 as version
  from leave_run`

/** Queues a run, unless one is under way (constraint leave_run_one_at_a_time). */
export const insertRun = (tx: Tx, run: { id: string; through: string; startedAt: Date }) =>
  tx.query(
    `insert into leave_run (tenant, id, through, state, started_at, total)
     values (app_tenant(), $1, $2, 'queued', $3, (select count(*) from employee))`,
    [run.id, run.through, run.startedAt],
    'run_insert',
  )

export async function readRun(tx: Tx, id: string): Promise<Run | undefined> {
  const [run] = await tx.query<Run>(`${selectRun} where id = $1`, [id], 'run_read')
  return run
}

export async function lockRun(tx: Tx, id: string): Promise<Run | undefined> {
  const [run] = await tx.query<Run>(`${selectRun} where id = $1 for update`, [id], 'run_lock')
  return run
}

/** The one that has not ended. */
export async function readOpenRun(tx: Tx): Promise<Run | undefined> {
  const [run] = await tx.query<Run>(`${selectRun} where state in ('queued', 'running')`, [], 'run_open')
  return run
}

/** The latest first. */
export const listRuns = (tx: Tx, before: string | null, limit: number): Promise<Run[]> =>
  tx.query<Run>(
    `${selectRun} where $1::uuid is null or id < $1 order by id desc limit $2`,
    [before, limit],
    'run_list',
  )

export const saveProgress = (
  tx: Tx,
  id: string,
  done: { cursor: string; employees: number; entries: number; failed: number },
) =>
  tx.query(
    `update leave_run set state = 'running', cursor = $2, employees = employees + $3, entries = entries + $4,
       failed = failed + $5, version = version + 1
     where id = $1`,
    [id, done.cursor, done.employees, done.entries, done.failed],
    'run_progress',
  )

export const endRun = (tx: Tx, id: string) =>
  tx.query(`update leave_run set state = 'done', version = version + 1 where id = $1`, [id], 'run_end')
