import pg from 'pg'
import { type Call, callerOf } from './call.ts'
import { type CommandTx, commandTx, runOnce, type StoredAnswer } from './command.ts'
import { openPool } from './pool.ts'
import { DomainError } from './problem.ts'
import { Session, socketOf, txOf } from './session.ts'
import { recorder } from './telemetry.ts'
import type { Outcome, Tx } from './tx.ts'

/** Which problem a broken constraint means; names are those of the schema. */
export type Constraints = Readonly<Record<string, string>>

export interface DatabaseOptions {
  url: string
  /** Connections at most. */
  pool: number
  constraints?: Constraints
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
