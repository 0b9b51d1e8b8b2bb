import { readdir } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { freeIn, refuseUnable, tools } from '../cluster/able.ts'
import { cacheFolder } from '../cluster/cache.ts'
import { findNode } from '../cluster/node/namespaces.ts'
import { absent, Refusal, run } from '../cluster/shell.ts'
import { isFree } from '../local/ports.ts'
import type { Facts } from './facts.ts'
import { ports, programs } from './ways.ts'

/** Looks at this machine. */
export async function gather(env = process.env): Promise<Facts> {
  const lacking = new Set(await absent([...programs, 'apt-get', 'brew']))
  const has = (name: string) => !lacking.has(name)
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  const taken = await Promise.all(ports.map(async (port) => ((await isFree(port)) ? [] : [port])))
  const linux = process.platform === 'linux'
  const root = process.getuid?.() === 0
  const able = linux && root && tools.every(has)
  const refused = able ? await refuseUnable().catch(reasonOf) : undefined
  return {
    platform: process.platform,
    architecture: process.arch,
    installer: has('brew') ? 'brew' : has('apt-get') ? 'apt' : undefined,
    root,
    glibc: !linux || header.glibcVersionRuntime !== undefined,
    node: process.versions.node,
    // npm/11.19.1 node/v24.3.0 linux x64
    npmNode: env.npm_config_user_agent?.match(/ node\/v(\S+)/)?.[1],
    go: has('go') ? (await run('go', ['env', 'GOVERSION'])).match(/^go(\S+)/)?.[1] : undefined,
    // A container may have less than the machine; without a limit the first is 0, or beyond all measure.
    memory: Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem()) / 2 ** 30,
    free: { checkout: await freeIn(import.meta.dirname), cache: await freeIn(cacheFolder()) },
    programs: new Set(programs.filter(has)),
    docker:
      has('docker') &&
      (await run('docker', ['info']).then(
        () => true,
        () => false,
      )),
    takenPorts: new Set(taken.flat()),
    kind: has('kind') && (await kindClusters()).includes('staffmesh'),
    cluster: {
      built: (await readdir(join(cacheFolder(), 'binaries')).catch(() => [])).length > 0,
      up: linux && root && (await findNode()) !== undefined,
    },
    ...(refused ? { refused } : {}),
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Refusal) return error.message
  throw error
}

const kindClusters = async () => (await run('kind', ['get', 'clusters']).catch(() => '')).split('\n')
