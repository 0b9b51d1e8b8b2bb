import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { type Call, callerOf } from './call.ts'
import { type CommandTx, commandTx, runOnce, type StoredAnswer } from './command.ts'
import { DomainError } from './problem.ts'

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
 * A pooled connection with the deadline of the call that uses it. Every statement passes here, so that none runs
 * without the caller's deadline. Statements are pipelined: setting the timeout costs no round trip.
 */
class Session {
  readonly db: NodePgDatabase
  readonly client: pg.PoolClient
  private deadline = 0
  private timeout = 0

  constructor(client: pg.PoolClient) {
    this.client = client
    this.db = drizzle({ client: this as unknown as pg.Client })
  }

  /** Opens a transaction for a tenant; an empty tenant sees no rows of any. */
  begin(call: Call, tenant: string, mode: 'READ ONLY' | 'READ WRITE'): Promise<unknown> {
    this.deadline = call.deadline
    this.timeout = Math.max(1, Math.floor(call.deadline - Date.now()))
    return this.client.query(
      `BEGIN ${mode}; SET LOCAL app.tenant = '${tenant}'; SET LOCAL statement_timeout = ${this.timeout}`,
    )
  }

  query(...args: unknown[]): unknown {
    const remaining = Math.floor(this.deadline - Date.now())
    if (remaining <= 0) return Promise.reject(new DomainError('deadline-exceeded'))
    if (this.timeout - remaining > timeoutSlack) {
      this.timeout = remaining
      this.client.query(`SET LOCAL statement_timeout = ${remaining}`).catch(() => {})
    }
    return (this.client.query as (...args: unknown[]) => unknown)(...args)
  }
}

export class Database {
  readonly pool: pg.Pool
  private readonly constraints: Constraints
  private readonly sessions = new WeakMap<pg.PoolClient, Session>()
  private readonly options: DatabaseOptions

  constructor(options: DatabaseOptions) {
    this.options = options
    this.constraints = options.constraints ?? {}
    this.pool = new pg.Pool({
      connectionString: options.url,
      max: options.pool,
      idleTimeoutMillis: 30_000,
      connectionTimeoutMillis: 5_000,
      pipeline: true,
    })
    // An idle connection that breaks is dropped by the pool; without a listener it would end the process.
    this.pool.on('error', () => {})
  }

  /** Reads for the caller's tenant. */
  read<T>(call: Call, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.transaction(call, callerOf(call).tenant, 'READ ONLY', work)
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
      await tx.flush()
      return result
    })
  }

  /** Reads and writes the tables without a tenant; sees no tenant's rows. */
  unscoped<T>(call: Call, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.transaction(call, '', 'READ WRITE', work)
  }

  async close(): Promise<void> {
    await this.pool.end()
  }

  private async transaction<T>(
    call: Call,
    tenant: string,
    mode: 'READ ONLY' | 'READ WRITE',
    work: (tx: Tx) => Promise<T>,
  ): Promise<T> {
    if (tenant !== '' && !/^[0-9a-f-]{36}$/.test(tenant)) throw new DomainError('unauthenticated')
    if (call.signal.aborted || call.deadline <= Date.now()) throw new DomainError('deadline-exceeded')
    const client = await this.connect()
    const session = this.sessions.get(client) ?? new Session(client)
    this.sessions.set(client, session)

    const cancel = () => this.cancel(client)
    call.signal.addEventListener('abort', cancel, { once: true })
    try {
      // Not awaited here: it travels with the first statement. Were it to fail, the statements behind it would run
      // without a tenant, see nothing and be refused by row-level security.
      const begun = session.begin(call, tenant, mode)
      begun.catch(() => {})
      const result = await work(txOf(session, call, tenant))
      await begun
      if (call.signal.aborted) throw new DomainError('deadline-exceeded')
      const committed = (await client.query('COMMIT')) as unknown as pg.QueryResult
      // A transaction that an error aborted answers COMMIT with ROLLBACK.
      if (committed.command === 'ROLLBACK') throw new Error('The transaction was rolled back')
      client.release()
      return result
    } catch (error) {
      // After a cancel the signal may still be under way: such a connection must not serve the next call.
      if (call.signal.aborted) client.release(true)
      else
        client.query('ROLLBACK').then(
          () => client.release(),
          () => client.release(true),
        )
      throw this.translate(error, call)
    } finally {
      call.signal.removeEventListener('abort', cancel)
    }
  }

  private async connect(): Promise<pg.PoolClient> {
    try {
      return await this.pool.connect()
    } catch (cause) {
      throw new DomainError('unavailable', { detail: 'No database connection could be had' }, cause)
    }
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

  private translate(error: unknown, call: Call): unknown {
    const cause = databaseError(error)
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

function txOf(session: Session, call: Call, tenant: string): Tx {
  return {
    call,
    tenant,
    db: session.db,
    async query<R extends object>(text: string, values: unknown[] = [], name?: string): Promise<R[]> {
      const result = (await session.query({ text, values, ...(name ? { name } : {}) })) as pg.QueryResult
      return result.rows as R[]
    },
  }
}
