import { mkdir } from 'node:fs/promises'
import { lock } from '../local/lock.ts'
import { cacheFolder } from './cache.ts'
import { Refusal } from './shell.ts'

/** Runs what a command does; a refusal is a sentence to its caller, everything else a defect with its stack. */
export async function command(work: () => Promise<void>): Promise<void> {
  try {
    await mkdir(cacheFolder(), { recursive: true })
    await work()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}

/** Makes this the only command that changes the cluster; whoever comes second is told so. */
export function alone(): () => void {
  const held = lock(cacheFolder(), { pid: process.pid, url: '' })
  if (held === 'unknown' || 'pid' in held)
    throw new Refusal(
      `Another command is changing the cluster${held === 'unknown' ? '' : `, process ${held.pid}`}: wait for it`,
    )
  return held.release
}
