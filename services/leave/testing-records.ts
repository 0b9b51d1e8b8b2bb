import type { Leave } from './testing.ts'

/** What commands have left behind beside their rows. */
export const recordsOf = ({ db }: Leave, tenant: string) => ({
  /** What others are told of something: kind, version, fields. */
  events: async (id: string) => {
    const rows = await db.sudo<{ event: string }>(
      `select concat_ws(' ', kind, version, changed) as event from event
       where tenant = $1 and aggregate_id = $2 order by number`,
      [tenant, id],
    )
    return rows.map(({ event }) => event)
  },
  audit: (id: string) =>
    db.sudo<{ before: object | null; after: object | null }>(
      'select before, after from audit_value where tenant = $1 and object_id = $2 order by audit_id',
      [tenant, id],
    ),
  /** The changes of rules that leave is to be rated anew for, in the order in which they were made. */
  rated: async () => {
    const jobs = await db.sudo<{ payload: Record<string, unknown> }>(
      `select j.payload from graphile_worker._private_jobs j
       join graphile_worker._private_tasks t on t.id = j.task_id
       where t.identifier = 'rate-anew' and j.payload->>'tenant' = $1 order by j.id`,
      [tenant],
    )
    return jobs.map(({ payload: { tenant: _, ...change } }) => change)
  },
})
