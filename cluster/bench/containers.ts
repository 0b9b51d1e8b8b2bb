import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KubeObject } from '../conformance/harness/kubernetes.ts'
import { findFolders } from '../node/cgroups.ts'

/** What a container has used of processor and memory so far, as the kernel counts it. */
export interface Use {
  /** Milliseconds. */
  cpu: number
  /** MiB in use that cannot be reclaimed. */
  memory: number
}

/** By container name. */
export async function usesOf({ metadata, status }: KubeObject): Promise<Record<string, Use>> {
  const statuses = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])]
  const running = statuses.filter(({ state }: { state: { running?: object } }) => state.running)
  const entries = running.map(async ({ name, containerID }: { name: string; containerID: string }) => {
    const folders = await findFolders(containerID.replace(/^.*:\/\//, ''))
    if (folders.length === 0)
      throw new Error(
        `${metadata.name}: the cgroup of ${name} is not on this machine; the cluster must be cluster:up's`,
      )
    return [name, { cpu: await cpuOf(folders), memory: await memoryOf(folders) }] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

/** The first of some files that there is: versions 1 and 2 of cgroups name them differently, and both may be there. */
async function read(folders: readonly string[], ...names: string[]): Promise<[string, string]> {
  for (const name of names)
    for (const folder of folders) {
      const text = await readFile(join(folder, name), 'utf8').catch(() => undefined)
      if (text !== undefined) return [name, text]
    }
  throw new Error(`None of ${names.join(', ')} in ${folders.join(', ')}`)
}

const field = (text: string, name: string) => Number(text.match(new RegExp(`^${name} (\\d+)`, 'm'))?.[1] ?? 0)

async function cpuOf(folders: readonly string[]): Promise<number> {
  const [name, text] = await read(folders, 'cpuacct.usage', 'cpu.stat')
  return name === 'cpuacct.usage' ? Number(text) / 1e6 : field(text, 'usage_usec') / 1e3
}

async function memoryOf(folders: readonly string[]): Promise<number> {
  const [, used] = await read(folders, 'memory.usage_in_bytes', 'memory.current')
  const [, text] = await read(folders, 'memory.stat')
  const idle = field(text, 'total_inactive_file') || field(text, 'inactive_file')
  return (Number(used) - idle) / 2 ** 20
}
