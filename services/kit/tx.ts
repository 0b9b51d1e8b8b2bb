import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Call } from './call.ts'

/** One transaction: drizzle for building statements, `query` for written ones. */
export interface Tx {
  call: Call
  tenant: string
  db: NodePgDatabase
  /** Runs a written statement; give a name to have it prepared once per connection. */
  query<R extends object>(text: string, values?: unknown[], name?: string): Promise<R[]>
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
