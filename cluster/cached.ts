import { access, mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheFolder } from './cache.ts'

/**
 * A folder of the cache, made where it is missing. Made aside and renamed: what was killed half-way is not mistaken for
 * whole. The name changes with all that the content depends on.
 */
export async function cached(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder(), name)
  if (await exists(folder)) return folder
  const partial = `${folder}.partial`
  await rm(partial, { recursive: true, force: true })
  await mkdir(dirname(partial), { recursive: true })
  await make(partial)
  await rename(partial, folder)
  return folder
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )
