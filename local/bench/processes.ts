import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks a second in which Linux counts CPU time; it has been 100 on every platform for decades. */
const ticks = 100

interface ProcessInfo {
  pid: number
  parent: number
  /** Seconds, with those of children that have ended. */
  cpu: number
  command: string
}

function processes(): ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
        // The name of the program may have spaces and parentheses; fields are counted after it.
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        const times = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
        return [{ pid: Number(name), parent: Number(fields[1]), cpu: times / ticks, command }]
      } catch {
        // It has just ended.
        return []
      }
    })
}

/** CPU seconds that these processes and all their descendants have used so far. */
export function cpuOf(roots: readonly number[]): number {
  const all = processes()
  const tree = new Set(roots)
  // Children may be listed before their parents.
  for (let grown = -1; grown !== tree.size; ) {
    grown = tree.size
    for (const { pid, parent } of all) if (tree.has(parent)) tree.add(pid)
  }
  return all.filter(({ pid }) => tree.has(pid)).reduce((sum, { cpu }) => sum + cpu, 0)
}

/** The process that this one started with such a command line and no more arguments. */
export function childRunning(command: string): number {
  const found = processes().find(
    (each) => each.parent === process.pid && each.command.trimEnd().endsWith(command),
  )
  if (!found) throw new Error(`No process runs ${command}`)
  return found.pid
}

const megabytes = (file: string, field: string) => {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(file, 'utf8'))
  return Number(match![1]) / 1024
}

/** Megabytes that a process has had resident at most, shared pages counted in full. */
export const peakResident = (pid: number) => megabytes(`/proc/${pid}/status`, 'VmHWM')

/** Megabytes that a process has now, each shared page counted by its share. */
export const proportional = (pid: number) => megabytes(`/proc/${pid}/smaps_rollup`, 'Pss')

export interface Cost {
  /** Seconds. */
  wall: number
  cpu: number
}

/** What some work costs these processes and their descendants. */
export async function cost(roots: readonly number[], work: () => Promise<unknown>): Promise<Cost> {
  const cpu = cpuOf(roots)
  const began = performance.now()
  await work()
  return { wall: (performance.now() - began) / 1000, cpu: cpuOf(roots) - cpu }
}
