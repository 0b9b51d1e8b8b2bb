import { randomUUIDv7 } from 'node:crypto'
import { instantOf } from '#kit/sql.ts'
import type { Tx } from '#kit/tx.ts'
import type { Kind, Process, State } from './domain/process.ts'
import { progressOf } from './domain/process.ts'

/** A process as operators and HR administrators see it. */
export interface ProcessView {
  id: string
  tenantId: string
  kind: Kind
  subjectId: string
  state: State['state']
  why: string | null
  since: string
  dueAt: string | null
  attempts: number
  lastError: string | null
  createdAt: string
  version: number
}

const viewColumns = `id, tenant as "tenantId", kind, subject as "subjectId", state, why, ${instantOf('since')} as since,
  ${instantOf('due_at')} as "dueAt", attempts, last_error as "lastError", ${instantOf('created_at')} as "createdAt",
  revision::float8 as version`

/** Lets the rest of the transaction see the processes of all tenants: for the worker, and for operators. */
export async function acrossTenants(tx: Tx): Promise<void> {
  await tx.query(`select set_config('app.across_tenants', 'on', true)`, [], 'across_tenants')
}

/** Something that a process must look at; `version` is the subject's, 0 where it has none. */
export interface Wake {
  tenant: string
  kind: Kind
  subject: string
  version: number
  /** Which trace it came of; that of the transaction where it is unset. */
  traceparent?: string | undefined
}

/**
 * Sets processes going, and starts those that aren't there yet. A wake whose version was seen before changes nothing.
 * What a process has waited for stays written until its step knows better, and so does since when.
 */
export async function wake(tx: Tx, wakes: readonly Wake[], now: Date): Promise<void> {
  if (wakes.length === 0) return
  const newest = new Map<string, Wake>()
  for (const one of wakes) {
    const key = `${one.tenant}/${one.kind}/${one.subject}`
    if (one.version >= (newest.get(key)?.version ?? 0)) newest.set(key, one)
  }
  const rows = [...newest.values()]
  await tx.query(
    `insert into process as p (tenant, id, kind, subject, seen_version, state, since, due_at, created_at, traceparent)
     select tenant, id, kind, subject, version, 'scheduled', $6, $6, $6, traceparent
     from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $7::text[])
       as t (tenant, id, kind, subject, version, traceparent)
     -- in one order, so that two workers that wake the same never wait for each other in a ring
     order by tenant, kind, subject
     on conflict on constraint process_subject do update
     set state = 'scheduled', due_at = $6, revision = p.revision + 1, attempts = 0,
         seen_version = greatest(p.seen_version, excluded.seen_version), traceparent = excluded.traceparent
     where excluded.seen_version = 0 or excluded.seen_version > p.seen_version`,
    [
      rows.map((row) => row.tenant),
      rows.map(() => randomUUIDv7()),
      rows.map((row) => row.kind),
      rows.map((row) => row.subject),
      rows.map((row) => row.version),
      now,
      rows.map((row) => row.traceparent ?? tx.call.traceparent ?? null),
    ],
    'process_wake',
  )
}

/** Wakes one existing process; for a retry by hand. */
export async function wakeAgain(tx: Tx, tenant: string, id: string, now: Date): Promise<ProcessView> {
  const [row] = await tx.query<ProcessView>(
    `update process
     set state = 'scheduled', due_at = $3, revision = revision + 1, attempts = 0, traceparent = $4
     where tenant = $1 and id = $2 returning ${viewColumns}`,
    [tenant, id, now, tx.call.traceparent ?? null],
    'process_wake_again',
  )
  return row!
}

/** After a restore of a feed: versions may begin anew, and all of a kind are compared with the facts again. */
export async function wakeAll(tx: Tx, kind: Kind, now: Date): Promise<void> {
  await tx.query(
    `update process set state = 'scheduled', due_at = $1, revision = revision + 1, attempts = 0, seen_version = 0
     where kind = $2`,
    [now, kind],
    'process_wake_all',
  )
}

/** Begins a process whose steps start with something to remember. */
export async function begin(
  tx: Tx,
  process: { tenant: string; kind: Kind; subject: string; progress: object },
  now: Date,
): Promise<ProcessView> {
  const [row] = await tx.query<ProcessView>(
    `insert into process as p (tenant, id, kind, subject, state, since, due_at, created_at, progress, traceparent)
     values ($1, $2, $3, $4, 'scheduled', $5, $5, $5, $6, $7)
     on conflict on constraint process_subject do update
     set state = 'scheduled', why = null, since = $5, due_at = $5, revision = p.revision + 1, attempts = 0,
         last_error = null, progress = excluded.progress, leased_until = null, traceparent = excluded.traceparent
     returning ${viewColumns}`,
    [
      process.tenant,
      randomUUIDv7(),
      process.kind,
      process.subject,
      now,
      process.progress,
      tx.call.traceparent ?? null,
    ],
    'process_begin',
  )
  return row!
}

export async function find(
  tx: Tx,
  id: string,
  lock: '' | 'for update' = '',
): Promise<ProcessView | undefined> {
  const [row] = await tx.query<ProcessView>(
    `select ${viewColumns} from process where id = $1 ${lock}`,
    [id],
    lock ? 'process_lock' : 'process_read',
  )
  return row
}

export async function findBySubject(
  tx: Tx,
  tenant: string,
  kind: Kind,
  subject: string,
  lock: '' | 'for update' = '',
): Promise<(ProcessView & { progress: unknown }) | undefined> {
  const [row] = await tx.query<ProcessView & { progress: unknown }>(
    `select ${viewColumns}, progress from process where tenant = $1 and kind = $2 and subject = $3 ${lock}`,
    [tenant, kind, subject],
    lock ? 'process_by_subject_lock' : 'process_by_subject',
  )
  return row
}

export interface Filter {
  tenantId?: string | undefined
  kind?: Kind | undefined
  state?: State['state'] | undefined
  after?: string | undefined
}

const conditions: Record<keyof Filter, string> = {
  tenantId: 'tenant =',
  kind: 'kind =',
  state: 'state =',
  after: 'id >',
}

/**
 * Processes in the order in which they began, one more than asked for where there are more. Only what is asked for
 * stands in the statement, so that an index can serve it.
 */
export async function list(tx: Tx, filter: Filter, limit: number): Promise<ProcessView[]> {
  const asked = Object.entries(conditions).flatMap(([name, condition]) => {
    const value = filter[name as keyof Filter]
    return value === undefined ? [] : [{ condition, value }]
  })
  const where = asked.map(({ condition }, i) => `${condition} $${i + 2}`).join(' and ') || 'true'
  return tx.query<ProcessView>(`select ${viewColumns} from process where ${where} order by id limit $1`, [
    limit + 1,
    ...asked.map(({ value }) => value),
  ])
}

/** A process that this worker alone works on until the lease ends; its progress as it is stored. */
export type Claim = Omit<Process, 'progress'> & {
  progress: unknown
  dueAt: Date
  leasedUntil: Date
  traceparent: string | null
}

/** Fails for what can't be read: that is a matter of this process alone. */
export const processOf = (claimed: Claim) =>
  ({ ...claimed, progress: progressOf[claimed.kind].parse(claimed.progress) }) as Process

/**
 * Takes what is due of a kind and nobody else has, for `lease` milliseconds: for so many tenants as there are `places`
 * and of each the `most` processes that have been due for longest; tenants first for whom the fewest steps are being
 * taken. So a company that imports 100,000 people does not keep the others waiting. Answers by tenant.
 */
export async function claim(
  tx: Tx,
  now: Date,
  { kind, lease, places, most = 1 }: { kind: Kind; lease: number; places: number; most?: number },
): Promise<Claim[][]> {
  const rows = await tx.query<Claim>(
    `with recursive tenants (tenant) as (
       -- hops from tenant to tenant over the index, however many processes of one are due
       (select tenant from process where kind = $2 and state = 'scheduled' and due_at <= $1 order by tenant limit 1)
       union all
       select (select p.tenant from process p
               where p.kind = $2 and p.state = 'scheduled' and p.due_at <= $1 and p.tenant > t.tenant
               order by p.tenant limit 1)
       from tenants t where t.tenant is not null),
     chosen as (
       select t.tenant from tenants t
         cross join lateral (
           select count(*) as steps from process b
           where b.tenant = t.tenant and b.kind = $2 and b.leased_until > $1) busy
         cross join lateral (
           select due_at from process d
           where d.kind = $2 and d.tenant = t.tenant and d.state = 'scheduled' and d.due_at <= $1
             and (d.leased_until is null or d.leased_until <= $1)
           order by d.due_at limit 1) first
       order by busy.steps, first.due_at limit $4),
     due as (
       select p.tenant, p.id from chosen c
         cross join lateral (
           select tenant, id from process d
           where d.kind = $2 and d.tenant = c.tenant and d.state = 'scheduled' and d.due_at <= $1
             and (d.leased_until is null or d.leased_until <= $1)
           order by d.due_at limit $5 for update skip locked) p)
     update process as p
     set leased_until = $1::timestamptz + make_interval(secs => $3::float8 / 1000),
       attempts = attempts + 1
     from due where p.tenant = due.tenant and p.id = due.id
     returning p.tenant, p.id, p.kind, p.subject, p.revision::float8 as revision, p.attempts, p.progress,
       p.due_at as "dueAt", p.leased_until as "leasedUntil", p.traceparent`,
    [now, kind, lease, places, most],
    'process_claim',
  )
  return [...Map.groupBy(rows, ({ tenant }) => tenant).values()]
}

/**
 * Records how a step ended and gives the process free. News that came meanwhile stay: then it runs again at once.
 * False where the lease was lost to another worker, whose word counts.
 */
export async function release(
  tx: Tx,
  claimed: Claim,
  next: State,
  now: Date,
  result: { progress: object } | { error: string },
): Promise<boolean> {
  const failed = 'error' in result
  const rows = await tx.query(
    `update process set leased_until = null, progress = coalesce($6, progress),
       since = case when revision = $4 and ($8::text is null or why is distinct from $8) then $10 else since end,
       state = case when revision = $4 then $7 else state end,
       why = case when revision = $4 then $8 else why end,
       due_at = case when revision = $4 then $9 else due_at end,
       attempts = case when $5::text is null then 0 else attempts end,
       -- The next step has keys of its own; a step that failed is taken again with the same.
       revision = case when $5::text is null then revision + 1 else revision end,
       last_error = $5
     where tenant = $1 and id = $2 and leased_until = $3
     returning 1`,
    [
      claimed.tenant,
      claimed.id,
      claimed.leasedUntil,
      claimed.revision,
      failed ? result.error : null,
      failed ? null : result.progress,
      next.state,
      next.why,
      next.state === 'scheduled' ? next.at : null,
      now,
    ],
    'process_release',
  )
  return rows.length === 1
}

/** Calls a process off; a step that is under way loses its lease, so that its outcome changes nothing. */
export async function cancel(tx: Tx, tenant: string, id: string, progress: object, now: Date) {
  const [row] = await tx.query<ProcessView>(
    `update process set state = 'done', why = 'cancelled', since = $4, due_at = null, revision = revision + 1,
       progress = $3, leased_until = null
     where tenant = $1 and id = $2 returning ${viewColumns}`,
    [tenant, id, progress, now],
    'process_cancel',
  )
  return row!
}

/** Forgets what a deleted tenant's other processes knew. */
export async function forgetTenant(tx: Tx, tenant: string): Promise<void> {
  await tx.query(`delete from process where tenant = $1 and kind <> 'tenant-deletion'`, [tenant])
}
