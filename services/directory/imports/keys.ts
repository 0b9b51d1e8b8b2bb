import type { Tx } from '#kit/tx.ts'

/** A row of the file by what it is about. */
export interface Key {
  key: string
  line: number
  parentKey: string | null
  startsOn: string | null
  /** The row breaks a rule and will not be imported. */
  bad: boolean
  /** It would be its own superior. */
  cyclic: boolean
}

/** Remembers keys; of several rows with one key the first counts. */
export async function insertKeys(
  tx: Tx,
  importId: string,
  keys: readonly Omit<Key, 'cyclic'>[],
): Promise<void> {
  if (keys.length === 0) return
  await tx.query(
    `insert into import_key (tenant, import_id, key, line, parent_key, starts_on, bad)
     select $1, $2, * from unnest($3::text[], $4::int[], $5::text[], $6::date[], $7::boolean[])
     on conflict do nothing`,
    [
      tx.tenant,
      importId,
      keys.map(({ key }) => key),
      keys.map(({ line }) => line),
      keys.map(({ parentKey }) => parentKey),
      keys.map(({ startsOn }) => startsOn),
      keys.map(({ bad }) => bad),
    ],
    'import_key_insert',
  )
}

const columns = `key, line, parent_key as "parentKey", starts_on::text as "startsOn", bad, cyclic`

export async function loadKeys(tx: Tx, importId: string, keys: readonly string[]): Promise<Map<string, Key>> {
  const rows = await tx.query<Key>(
    `select ${columns} from import_key where tenant = app_tenant() and import_id = $1 and key = any ($2)`,
    [importId, keys],
    'import_key_load',
  )
  return new Map(rows.map((row) => [row.key, row]))
}

/** Rows on a circle at most, before all that hang on one are refused with it. */
const mostSuspects = 20_000

/** Marks the rows that would be their own superiors within the file; answers with their number. */
export async function markCycles(tx: Tx, importId: string): Promise<number> {
  // From the top down through the file; what is never reached stands on a circle or hangs below one.
  const suspects = await tx.query<{ key: string; parentKey: string }>(
    `with recursive reached as (
       select key from import_key top where tenant = app_tenant() and import_id = $1 and not exists (
         select from import_key above where above.tenant = top.tenant and above.import_id = $1
           and above.key = top.parent_key)
       union all
       select below.key from reached join import_key below
         on below.tenant = app_tenant() and below.import_id = $1 and below.parent_key = reached.key)
     select key, parent_key as "parentKey" from import_key
     where tenant = app_tenant() and import_id = $1 and key not in (select key from reached)
     limit ${mostSuspects + 1}`,
    [importId],
  )
  const cyclic =
    suspects.length > mostSuspects
      ? suspects.map(({ key }) => key)
      : onCycle(new Map(suspects.map((s) => [s.key, s.parentKey])))
  if (cyclic.length > 0)
    await tx.query(
      `update import_key set bad = true, cyclic = true where import_id = $1 and key = any ($2)`,
      [importId, cyclic],
    )
  return cyclic.length
}

/** Those that meet themselves going up, in a graph in which each has one superior. */
export function onCycle(parents: ReadonlyMap<string, string>): string[] {
  const state = new Map<string, 'walking' | 'done'>()
  const result: string[] = []
  for (const start of parents.keys()) {
    const path: string[] = []
    let key: string | undefined = start
    while (key !== undefined && parents.has(key) && !state.has(key)) {
      state.set(key, 'walking')
      path.push(key)
      key = parents.get(key)
    }
    if (key !== undefined && state.get(key) === 'walking') result.push(...path.slice(path.indexOf(key)))
    for (const walked of path) state.set(walked, 'done')
  }
  return result
}

/** Remembers rows whose superior is not there yet, and since when it is to be set. */
export async function markPending(
  tx: Tx,
  importId: string,
  pending: readonly { key: string; from: string }[],
): Promise<void> {
  if (pending.length === 0) return
  await tx.query(
    `update import_key k set pending_from = p.since from unnest($2::text[], $3::date[]) as p (key, since)
     where k.tenant = app_tenant() and k.import_id = $1 and k.key = p.key`,
    [importId, pending.map(({ key }) => key), pending.map(({ from }) => from)],
    'import_key_pending',
  )
}

export interface Pending {
  key: string
  line: number
  parentKey: string
  from: string
}

/** Takes some rows whose superior is still to be set; they count as done with the transaction. */
export const takePending = (tx: Tx, importId: string, limit: number): Promise<Pending[]> =>
  tx.query<Pending>(
    `update import_key set pending_from = null where tenant = app_tenant() and import_id = $1 and key in (
       select key from import_key where tenant = app_tenant() and import_id = $1 and pending_from is not null
       order by key limit $2)
     returning key, line, parent_key as "parentKey", old.pending_from::text as "from"`,
    [importId, limit],
    'import_key_take',
  )
