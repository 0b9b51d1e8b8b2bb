import { mkdir, readdir, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '../shell.ts'
import { cgroupRoot } from './components.ts'

const mountPoint = '/sys/fs/cgroup'

/** Version 2 has one tree, version 1 one a controller. */
async function trees(): Promise<string[]> {
  const unified = await stat(join(mountPoint, 'cgroup.controllers')).catch(() => undefined)
  if (unified) return [mountPoint]
  const entries = await readdir(mountPoint, { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(mountPoint, name))
}

/**
 * What the pods weigh together, sixteen times the default. The kernel shares the processors between their group and each
 * thread outside of it, so without it they would get as much as one of those, and time out while a test or build runs.
 */
const weights = { 'cpu.shares': 16 * 1024, 'cpu.weight': 16 * 100 }

export async function makeCgroups(): Promise<void> {
  for (const tree of await trees()) {
    const folder = join(tree, cgroupRoot)
    await mkdir(folder, { recursive: true })
    const files = await readdir(folder)
    for (const [file, weight] of Object.entries(weights))
      if (files.includes(file)) await writeFile(join(folder, file), String(weight))
  }
}

export async function removeCgroups(): Promise<void> {
  // The last process of a group may just be ending.
  await until('The removal of the cgroups', async () => {
    for (const tree of await trees()) await removeTree(join(tree, cgroupRoot))
  })
}

async function removeTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined)
  if (!entries) return
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(folder, entry.name))
  await rmdir(folder)
}

/** Where the group of that name is: one folder, or one a controller. */
export async function findFolders(name: string): Promise<string[]> {
  const found = (await trees()).map((tree) => findIn(join(tree, cgroupRoot), name))
  return (await Promise.all(found)).filter((folder) => folder !== undefined)
}

async function findIn(folder: string, name: string): Promise<string | undefined> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (!entry.isDirectory()) continue
    const path = join(folder, entry.name)
    const found = entry.name === name ? path : await findIn(path, name)
    if (found) return found
  }
  return undefined
}
