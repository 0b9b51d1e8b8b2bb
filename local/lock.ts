import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export type Holder = { pid: number; url: string }

export type Lock = { release(): void }

/**
 * Makes this process the only one that uses `dataDir`, or tells who is. The lock is the operating system's
 * (SQLite takes it on a file of its own; Node itself has no file locks), so it ends with its holder, however
 * that ends: there is no stale lock to clean up and no process number to mistake for another's.
 */
export function lock(dataDir: string, holder: Holder): Lock | Holder | 'unknown' {
  const database = new DatabaseSync(join(dataDir, 'lock'), { timeout: 0 })
  const note = join(dataDir, 'running.json')
  try {
    database.exec('begin exclusive')
  } catch (error) {
    database.close()
    // SQLITE_BUSY
    if ((error as { errcode?: number }).errcode !== 5) throw error
    return readHolder(note)
  }
  writeFileSync(note, JSON.stringify(holder))
  return {
    release() {
      rmSync(note, { force: true })
      database.close()
    },
  }
}

/** The note is written just after the lock is taken, so a second start may come between the two. */
function readHolder(note: string): Holder | 'unknown' {
  try {
    return JSON.parse(readFileSync(note, 'utf8')) as Holder
  } catch {
    return 'unknown'
  }
}
