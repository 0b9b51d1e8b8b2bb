import { homedir } from 'node:os'
import { join } from 'node:path'

/** All that the cluster keeps on this machine: built parts, images, and the node while it runs. */
export function cacheFolder(): string {
  // biome-ignore lint/complexity/useLiteralKeys: an environment variable
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'staffmesh', 'cluster')
}
