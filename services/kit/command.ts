import { createHash, randomUUIDv7 } from 'node:crypto'
import { callerOf } from './call.ts'
import { DomainError } from './problem.ts'
import type { Outcome, Tx } from './tx.ts'

/** A fact for other contexts: thin, no personal values. */
export interface EventDraft {
  /** Past tense, e.g. `employee-hired`. */
  kind: string
  /** Id and version of the aggregate that changed. */
  id: string
  version: number
  changed?: readonly string[]
  /** Another tenant than the transaction's: only where tenants themselves are managed. */
  tenant?: string
}

export interface AuditDraft {
  object: string
  id: string
  before?: unknown
  after?: unknown
}

export interface JobDraft {
  task: string
  payload?: Record<string, unknown>
  /** Not before. */
  runAt?: Date
  /** A job with the same key is replaced, not doubled. */
  key?: string
}

/** A transaction that changes something: all of it is committed, or nothing. */
export interface CommandTx extends Tx {
  /** One instant for the whole command. */
  now: Date
  emit(event: EventDraft): void
  audit(entry: AuditDraft): void
  enqueue(job: JobDraft): void
  /** Writes what was emitted, audited and enqueued. The kit calls it; a job may, to write in steps. */
  flush(): Promise<unknown>
}

/** The answer of a command as it was first given, to be sent byte for byte. */
export class StoredAnswer {
  readonly body: string
  readonly replayed: boolean
  constructor(body: string, replayed: boolean) {
    this.body = body
    this.replayed = replayed
  }
}

export function commandTx(tx: Tx): CommandTx {
  const events: EventDraft[] = []
  const entries: AuditDraft[] = []
  const jobs: JobDraft[] = []
  return {
    call: tx.call,
    tenant: tx.tenant,
    query: tx.query,
    get db() {
      return tx.db
    },
    now: new Date(),
    emit: (event) => void events.push(event),
    audit: (entry) => void entries.push(entry),
    enqueue: (job) => void jobs.push(job),
    // Not async: what cannot be written down is thrown before anything is sent, see Outcome.
    flush() {
      const statements = [
        ...eventInsert(tx, events.splice(0)),
        ...auditInsert(tx, entries.splice(0)),
        ...jobs.splice(0).map((job) => jobEnqueue(tx, job)),
      ]
      return Promise.all(statements.map(({ text, values, name }) => tx.query(text, values, name)))
    },
  }
}

/**
 * Runs `work` once per (tenant, client and account, operation, key). The account is part of the scope: many people
 * share a client app, and one must not be answered with what another asked. A duplicate that runs at the same time
 * waits on the unique key until the first has ended.
 */
export async function runOnce<T>(
  tx: CommandTx,
  input: unknown,
  work: (tx: CommandTx) => Promise<T>,
): Promise<Outcome<StoredAnswer>> {
  const { call } = tx
  const caller = callerOf(call)
  if (!call.idempotencyKey) throw new DomainError('idempotency-key-required')
  const scope = [tx.tenant, `${caller.client}/${caller.account}`, call.operation, call.idempotencyKey]
  const hash = createHash('sha256').update(bodyOf(input)).digest('base64')

  const inserted = await tx.query(
    `insert into idempotency (tenant, client, operation, key, request_hash) values ($1, $2, $3, $4, $5)
     on conflict do nothing returning 1`,
    [...scope, hash],
    'idempotency_insert',
  )
  if (inserted.length === 0) return { result: await replay(tx, scope, hash) }

  const body = JSON.stringify(await work(tx)) ?? 'null'
  const flushed = tx.flush()
  const stored = tx.query(
    `update idempotency set response = $5 where tenant = $1 and client = $2 and operation = $3 and key = $4`,
    [...scope, body],
    'idempotency_store',
  )
  return { result: new StoredAnswer(body, false), last: Promise.all([flushed, stored]) }
}

/** The input without the versions that were seen: a precondition is no part of the body, and a replay comes before it. */
function bodyOf(input: unknown): string {
  const { version: _, expectedVersion: __, knownVersion: ___, ...body } = input as Record<string, unknown>
  return JSON.stringify(body)
}

async function replay(tx: Tx, scope: string[], hash: string): Promise<StoredAnswer> {
  const [stored] = await tx.query<{ request_hash: string; response: string | null }>(
    `select request_hash, response from idempotency
     where tenant = $1 and client = $2 and operation = $3 and key = $4`,
    scope,
    'idempotency_read',
  )
  if (!stored || stored.response === null) throw new DomainError('idempotency-conflict')
  if (stored.request_hash !== hash) throw new DomainError('idempotency-key-reused')
  return new StoredAnswer(stored.response, true)
}

interface Statement {
  text: string
  values: unknown[]
  name: string
}

function eventInsert(tx: Tx, events: EventDraft[]): Statement[] {
  if (events.length === 0) return []
  const text = `insert into event (id, tenant, kind, aggregate_id, version, changed, traceparent)
     select *, $7::text from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[])`
  const values = [
    events.map(() => randomUUIDv7()),
    events.map((event) => event.tenant ?? tx.tenant),
    events.map((event) => event.kind),
    events.map((event) => event.id),
    events.map((event) => event.version),
    // unnest flattens arrays of arrays, hence the joined names
    events.map((event) => (event.changed ?? []).join(',')),
    tx.call.traceparent ?? null,
  ]
  return [{ text, values, name: 'event_insert' }]
}

function auditInsert(tx: Tx, entries: AuditDraft[]): Statement[] {
  if (entries.length === 0) return []
  const { call } = tx
  const caller = callerOf(call)
  const text = `with entry as (
       insert into audit (id, tenant, account, client, operation, object, object_id, request_id)
       select id, $2, $3, $4, $5, object, object_id, $6
       from unnest($1::uuid[], $7::text[], $8::text[]) as t (id, object, object_id))
     insert into audit_value (tenant, audit_id, object, object_id, before, after)
     select $2, id, object, object_id, before, after
     from unnest($1::uuid[], $7::text[], $8::text[], $9::jsonb[], $10::jsonb[])
       as t (id, object, object_id, before, after)`
  const values = [
    entries.map(() => randomUUIDv7()),
    tx.tenant,
    caller.account,
    caller.client,
    call.operation,
    call.requestId,
    entries.map((entry) => entry.object),
    entries.map((entry) => entry.id),
    entries.map((entry) => json(entry.before)),
    entries.map((entry) => json(entry.after)),
  ]
  return [{ text, values, name: 'audit_insert' }]
}

const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value))

function jobEnqueue(tx: Tx, job: JobDraft): Statement {
  const payload = { ...job.payload, tenant: tx.tenant, traceparent: tx.call.traceparent }
  return {
    text: 'select graphile_worker.enqueue_job($1, $2::jsonb, $3, $4)',
    values: [job.task, JSON.stringify(payload), job.runAt ?? null, job.key ?? null],
    name: 'job_enqueue',
  }
}
