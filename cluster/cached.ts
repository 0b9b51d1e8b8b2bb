import { access, mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { cacheFolder } from './cache.ts'

/** By path, what was asked for. */
const folders = new Map<string, Promise<string>>()

/**
 * A folder of the cache, made where it is missing. Made aside and renamed: what was killed half-way is not mistaken for
 * whole. The name changes with all that the content depends on.
 */
export function cached(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder(), name)
  const found = folders.get(folder) ?? findOrMake(folder, make)
  folders.set(folder, found)
  return found
}

async function findOrMake(folder: string, make: (folder: string) => Promise<void>): Promise<string> {
  if (await exists(folder)) return folder
  const partial = `${folder}.partial`
  await rm(partial, { recursive: true, force: true })
  await mkdir(dirname(partial), { recursive: true })
  await make(partial)
  await rename(partial, folder)
  return folder
}

/** For a path in such a folder, a name that stands for its content; undefined for other paths. */
export function cachedName(path: string): string | undefined {
  const found = [...folders.keys()].some((folder) => path === folder || path.startsWith(folder + sep))
  return found ? relative(cacheFolder(), path) : undefined
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )
