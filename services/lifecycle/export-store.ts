import type { Tx } from '#kit/tx.ts'
import type { recordKinds } from './contract.ts'
import type { Process } from './domain/process.ts'

export type RecordKind = (typeof recordKinds)[number]

/** One page of an export. */
export type Records = { kind: RecordKind; data: unknown }[]

export async function savePage(tx: Tx, of: Process, number: number, records: Records): Promise<void> {
  await tx.query(
    `insert into export_page (tenant, process, number, records) values ($1, $2, $3, $4)`,
    [of.tenant, of.id, number, JSON.stringify(records)],
    'export_page_save',
  )
}

export async function loadPage(tx: Tx, tenant: string, process: string, number: number): Promise<Records> {
  const [row] = await tx.query<{ records: Records }>(
    `select records from export_page where tenant = $1 and process = $2 and number = $3`,
    [tenant, process, number],
    'export_page_read',
  )
  return row?.records ?? []
}

export async function removePages(tx: Tx, of: Process): Promise<void> {
  await tx.query(`delete from export_page where tenant = $1 and process = $2`, [of.tenant, of.id])
}

/**
 * Takes a person out of what was collected. An export that is under way may hold the person in a page that it is
 * about to write: it begins anew.
 */
export async function erasePerson(tx: Tx, tenant: string, employeeId: string, now: Date): Promise<void> {
  const restarted = await tx.query<{ id: string }>(
    `update process set state = 'scheduled', why = null, since = $2, due_at = $2, revision = revision + 1,
       attempts = 0, last_error = null, leased_until = null, progress = '{}'
     where tenant = $1 and kind = 'tenant-export'
       and coalesce(progress ->> 'phase', '') not in ('complete', 'expired')
     returning id`,
    [tenant, now],
  )
  await tx.query('delete from export_page where tenant = $1 and process = any ($2)', [
    tenant,
    restarted.map(({ id }) => id),
  ])
  await tx.query(
    `update export_page set records = (
       select coalesce(jsonb_agg(record), '[]') from jsonb_array_elements(records) as record
       where record -> 'data' ->> 'id' is distinct from $2
         and record -> 'data' ->> 'employeeId' is distinct from $2)
     where tenant = $1 and records::text like '%' || $2 || '%'`,
    [tenant, employeeId],
  )
}
