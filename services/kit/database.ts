import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { type Call, callerOf } from './call.ts'
import { type CommandTx, commandTx, runOnce, type StoredAnswer } from './command.ts'
import { openPool } from './pool.ts'
import { DomainError } from './problem.ts'
import { recorder, summaryOf, timed } from './telemetry.ts'

/** Which problem a broken constraint means; names are those of the schema. */
export type Constraints = Readonly<Record<string, string>>

export interface DatabaseOptions {
  url: string
  /** Connections at most. */
  pool: number
  constraints?: Constraints
}

/** One transaction: drizzle for building statements, `query` for written ones. */
export interface Tx {
  call: Call
  tenant: string
  db: NodePgDatabase
  /** Runs a written statement; give a name to have it prepared once per connection. */
  query<R extends object>(text: string, values?: unknown[], name?: string): Promise<R[]>
}

/** The milliseconds by which the remaining time may shrink before statement_timeout is set anew. */
const timeoutSlack = 25

/**
 * Loaded when it is first used, and as CommonJS: as ES modules its many files, which import each other in circles,
 * take 150 MB and a second to load (Node 26.10), this way 13 MB.
 */
const drizzle = () =>
  (createRequire(import.meta.url)('drizzle-orm/node-postgres') as typeof import('drizzle-orm/node-postgres'))
    .drizzle

/**
 * One transaction on a pooled connection. Every statement passes here, so that none runs without the caller's
 * deadline, nor after the end, when the connection may serve another tenant. Statements are pipelined: setting the
 * timeout costs no round trip.
 */
class Session {
  private readonly client: pg.PoolClient
  private readonly call: Call
  private builder: NodePgDatabase | undefined
  private timeout = 0
  private open = true
  private corked = false
  /** Whether a statement was not even sent, of which the server knows nothing: what came before must not stay. */
  refused = false

  constructor(client: pg.PoolClient, call: Call) {
    this.client = client
    this.call = call
  }

  /** What is sent in one turn of the event loop goes out in one write: system calls are what a statement costs us. */
  private cork(): void {
    if (this.corked) return
    const socket = socketOf(this.client)
    this.corked = true
    socket.cork()
    process.nextTick(() => {
      this.corked = false
      socket.uncork()
    })
  }

  get db(): NodePgDatabase {
    this.builder ??= drizzle()({ client: this as unknown as pg.Client })
    return this.builder
  }

  /** Opens a transaction for a tenant; an empty tenant sees no rows of any. */
  begin(tenant: string, mode: 'READ ONLY' | 'READ WRITE'): Promise<unknown> {
    this.timeout = Math.max(1, Math.floor(this.call.deadline - Date.now()))
    this.cork()
    return this.client.query(
      `BEGIN ${mode}; SET LOCAL app.tenant = '${tenant}'; SET LOCAL statement_timeout = ${this.timeout}`,
    )
  }

  end(how: 'COMMIT' | 'ROLLBACK'): Promise<pg.QueryResult> {
    this.open = false
    return this.client.query(how)
  }

  query(...args: unknown[]): Promise<pg.QueryResult> {
    if (!this.open) return Promise.reject(new Error('The transaction has ended'))
    const remaining = Math.floor(this.call.deadline - Date.now())
    // A caller that hung up between two statements left nothing to cancel: the next one must not begin.
    if (remaining <= 0 || this.call.signal.aborted) {
      this.refused = true
      return Promise.reject(new DomainError('deadline-exceeded'))
    }
    this.cork()
    if (this.timeout - remaining > timeoutSlack) {
      this.timeout = remaining
      this.client.query(`SET LOCAL statement_timeout = ${remaining}`).catch(() => {})
    }
    const run = () => (this.client.query as (...args: unknown[]) => Promise<pg.QueryResult>)(...args)
    return recorder ? this.recorded(args[0], run) : run()
  }

  private recorded(statement: unknown, run: () => Promise<pg.QueryResult>): Promise<pg.QueryResult> {
    const { name, text } =
      typeof statement === 'string' ? { text: statement } : (statement as { name?: string; text: string })
    const summary = name ?? summaryOf(text)
    const attributes = { 'db.system.name': 'postgresql', 'db.query.summary': summary }
    return timed(
      {
        kind: 'client',
        name: summary,
        parent: this.call.traceparent,
        attributes,
        metric: 'db.client.operation.duration',
      },
      run,
    )
  }
}

/** What a transaction comes to, and its last statements, which travel with the commit. */
export interface Outcome<T> {
  result: T
  /**
   * Has sent all its statements, with values that the driver can't stumble over. So if one fails, it fails in the
   * server, which then refuses the commit behind it.
   */
  last?: Promise<unknown>
}

export class Database {
  readonly pool: pg.Pool
  private readonly constraints: Constraints
  private readonly lost = new WeakSet<pg.PoolClient>()
  private readonly options: DatabaseOptions

  constructor(options: DatabaseOptions) {
    this.options = options
    this.constraints = options.constraints ?? {}
    this.pool = openPool({
      connectionString: options.url,
      max: options.pool,
      idleTimeoutMillis: 30_000,
      connectionTimeoutMillis: 5_000,
      pipeline: true,
    })
    this.pool.on('connect', (client) => client.on('error', () => this.lost.add(client as pg.PoolClient)))
  }

  /** Reads for the caller's tenant. */
  read<T>(call: Call, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.transaction(call, callerOf(call).tenant, 'READ ONLY', async (tx) => ({
      result: await work(tx),
    }))
  }

  /** Runs a command for the caller's tenant in one transaction, once per idempotency key. */
  command<T>(call: Call, input: unknown, work: (tx: CommandTx) => Promise<T>): Promise<StoredAnswer> {
    return this.transaction(call, callerOf(call).tenant, 'READ WRITE', (tx) =>
      runOnce(commandTx(tx), input, work),
    )
  }

  /** Changes without an idempotency record, for work that is idempotent by itself (jobs, uploads, projections). */
  write<T>(call: Call, work: (tx: CommandTx) => Promise<T>, tenant = callerOf(call).tenant): Promise<T> {
    return this.transaction(call, tenant, 'READ WRITE', async (inner) => {
      const tx = commandTx(inner)
      const result = await work(tx)
      return { result, last: tx.flush() }
    })
  }

  /** Reads and writes the tables without a tenant; sees no tenant's rows. */
  unscoped<T>(call: Call, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.transaction(call, '', 'READ WRITE', async (tx) => ({ result: await work(tx) }))
  }

  async close(): Promise<void> {
    await this.pool.end()
  }

  private async transaction<T>(
    call: Call,
    tenant: string,
    mode: 'READ ONLY' | 'READ WRITE',
    work: (tx: Tx) => Promise<Outcome<T>>,
  ): Promise<T> {
    if (tenant !== '' && !/^[0-9a-f-]{36}$/.test(tenant)) throw new DomainError('unauthenticated')
    if (call.signal.aborted || call.deadline <= Date.now()) throw new DomainError('deadline-exceeded')
    const client = await this.connect(call)
    const session = new Session(client, call)
    let abandon: NodeJS.Timeout | undefined
    const cancel = () => {
      this.cancel(client)
      // A server that no longer answers would hold the handler for as long as TCP waits.
      abandon = setTimeout(() => socketOf(client).destroy(), 2000).unref()
    }
    call.signal.addEventListener('abort', cancel, { once: true })
    // A cancel request may still be under way: such a connection must not serve the next call.
    const release = () => client.release(call.signal.aborted || this.lost.has(client))
    try {
      // Not awaited here: it travels with the first statement. Were it to fail, the statements behind it would run
      // without a tenant, see nothing and be refused by row-level security.
      const begun = session.begin(tenant, mode)
      begun.catch(() => {})
      const { result, last } = await work(txOf(session, call, tenant))
      // A failure here fails the commit as well, but tells more.
      last?.catch(() => {})
      if (call.signal.aborted || session.refused) throw new DomainError('deadline-exceeded')
      const ended = session.end('COMMIT')
      ended.catch(() => {})
      await begun
      await last
      const committed = await ended
      // A transaction that an error aborted answers COMMIT with ROLLBACK.
      if (committed.command === 'ROLLBACK') throw new Error('The transaction was rolled back')
      release()
      return result
    } catch (error) {
      session.end('ROLLBACK').then(release, () => client.release(true))
      throw this.translate(error, call, this.lost.has(client))
    } finally {
      clearTimeout(abandon)
      call.signal.removeEventListener('abort', cancel)
    }
  }

  /** A connection of the pool, waited for no longer than the caller waits for the answer. */
  private connect(call: Call): Promise<pg.PoolClient> {
    const began = performance.now()
    const { promise, resolve, reject } = Promise.withResolvers<pg.PoolClient>()
    const connecting = this.pool.connect()
    const giveUp = () => {
      reject(new DomainError('deadline-exceeded'))
      connecting.then(
        (client) => client.release(),
        () => {},
      )
    }
    call.signal.addEventListener('abort', giveUp, { once: true })
    const settled = () => {
      call.signal.removeEventListener('abort', giveUp)
      recorder?.measure('db.client.connection.wait_time', (performance.now() - began) / 1000, {
        'db.system.name': 'postgresql',
      })
      return !call.signal.aborted
    }
    connecting.then(
      (client) => settled() && resolve(client),
      (cause) =>
        settled() &&
        reject(new DomainError('unavailable', { detail: 'No database connection could be had' }, cause)),
    )
    return promise
  }

  /** Asks the server to end what the connection is running (the protocol's CancelRequest). */
  private cancel(client: pg.PoolClient): void {
    const canceller = new pg.Client({ connectionString: this.options.url }) as unknown as {
      connection: {
        on(event: string, listener: () => void): void
        connect(port: number, host: string): void
        cancel(pid: number, key: number): void
      }
    }
    const target = client as unknown as { processID: number; secretKey: number; port: number; host: string }
    canceller.connection.on('error', () => {})
    canceller.connection.on('connect', () => canceller.connection.cancel(target.processID, target.secretKey))
    canceller.connection.connect(target.port, target.host)
  }

  private translate(error: unknown, call: Call, lost: boolean): unknown {
    const cause = databaseError(error)
    // Whether the command took effect is unknown; asked again with the same key it answers once and the same.
    if (lost) return new DomainError(call.signal.aborted ? 'deadline-exceeded' : 'unavailable', {}, error)
    if (!cause) return error
    // query_canceled: by statement_timeout, or because the caller hung up
    if (cause.code === '57014') return new DomainError('deadline-exceeded', {}, error)
    // serialization_failure, deadlock_detected, admin_shutdown and lost connections: the proxy may try again
    if (/^(40001|40P01|57P0\d|08)/.test(cause.code ?? ''))
      return new DomainError(call.signal.aborted ? 'deadline-exceeded' : 'unavailable', {}, error)
    const code = cause.constraint && this.constraints[cause.constraint]
    return code ? new DomainError(code, {}, error) : error
  }
}

/** The driver's error, which drizzle wraps. */
function databaseError(error: unknown): pg.DatabaseError | undefined {
  if (error instanceof pg.DatabaseError) return error
  if (error instanceof Error && error.cause instanceof pg.DatabaseError) return error.cause
  return undefined
}

const socketOf = (client: pg.PoolClient) =>
  (client as unknown as { connection: { stream: Socket } }).connection.stream

function txOf(session: Session, call: Call, tenant: string): Tx {
  return {
    call,
    tenant,
    get db() {
      return session.db
    },
    async query<R extends object>(text: string, values: unknown[] = [], name?: string): Promise<R[]> {
      const result = await session.query({ text, values, ...(name ? { name } : {}) })
      return result.rows as R[]
    },
  }
}
