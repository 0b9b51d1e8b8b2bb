import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type pg from 'pg'
import type { Call } from './call.ts'
import { DomainError } from './problem.ts'
import { recorder, summaryOf, timed } from './telemetry.ts'
import type { Tx } from './tx.ts'

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
export class Session {
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
        // What belongs to no request or job looks for work, several times a second.
        told: this.call.traceparent !== undefined,
      },
      run,
    )
  }
}

export const socketOf = (client: pg.PoolClient) =>
  (client as unknown as { connection: { stream: Socket } }).connection.stream

/** What handlers and stores see of a session. */
export function txOf(session: Session, call: Call, tenant: string): Tx {
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
