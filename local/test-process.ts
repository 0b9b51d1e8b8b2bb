import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Whether a process runs; one that has ended and that nobody has collected yet does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  if (process.platform !== 'linux') return true
  return /^State:\s+[^ZX]/m.test(readOr(`/proc/${pid}/status`))
}

export async function until(condition: () => boolean | Promise<boolean>, patience = 10_000): Promise<void> {
  const end = Date.now() + patience
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Not within ${patience} ms: ${condition}`)
    await sleep(20)
  }
}

/** The processes below a process, at this moment. */
export function descendants(pid: number): number[] {
  const parents = new Map<number, number>()
  if (process.platform === 'linux') {
    for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      const parent = /^PPid:\s+(\d+)$/m.exec(readOr(`/proc/${name}/status`))?.[1]
      if (parent) parents.set(Number(name), Number(parent))
    }
  } else {
    for (const line of execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).split('\n')) {
      const [child, parent] = line.trim().split(/\s+/).map(Number)
      if (child && parent) parents.set(child, parent)
    }
  }
  const below = (top: number): number[] =>
    [...parents].filter(([, parent]) => parent === top).flatMap(([child]) => [child, ...below(child)])
  return below(pid)
}

function readOr(file: string, otherwise = ''): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return otherwise
  }
}
