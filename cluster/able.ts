import { readdir, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { cacheFolder } from './cache.ts'
import { findNode, ownNamespaces } from './node/namespaces.ts'
import { refuseOverlap } from './node/network.ts'
import { networkPlugins } from './node/start.ts'
import { need, Refusal, run } from './shell.ts'

/** Programs of this machine that the cluster is built and run with. */
export const tools = [
  'apt-get',
  'buildah',
  'containerd',
  'ctr',
  'debootstrap',
  'dpkg-deb',
  'go',
  'ip',
  'iptables',
  'mount',
  'nft',
  'nsenter',
  'openssl',
  'pip3',
  'runc',
  'tini',
  'unshare',
]

/** Gigabytes: what a first build takes with Go's caches, and what a start takes. */
export const room = { build: 16, start: 3 }

/**
 * Refuses, with the reason and the remedy, what cannot work here. What passes is expected to end in a cluster, so a
 * failure after it is a defect.
 */
export async function refuseUnable(): Promise<void> {
  if (process.platform !== 'linux')
    throw new Refusal('The cluster needs Linux; npm start runs the system here without it')
  if (process.getuid?.() !== 0)
    throw new Refusal('The cluster needs root, for namespaces, mounts and cgroups: sudo npm run cluster:up')
  await need(tools)
  await networkPlugins()
  await refuseOldGo()
  if (await findNode()) return
  await refuseFullDisk()
  await refuseOverlap()
  // All that a node does to the kernel, in namespaces that end with this line.
  const trial =
    'mount -t tmpfs tmpfs /mnt && ip link add trial type veth peer name trial1 && mount --make-rshared /'
  await run('unshare', [...ownNamespaces, 'sh', '-ec', trial]).catch((error: Error) => {
    throw new Refusal(
      `This machine does not let root make namespaces, mounts or interfaces:\n${error.message}`,
    )
  })
}

/** As the go.mod files of binaries/ say. */
export const oldestGo = '1.26'

async function refuseOldGo(): Promise<void> {
  const [, version] = (await run('go', ['env', 'GOVERSION'])).match(/^go(\d+\.\d+)/) ?? []
  if (version === undefined || version.localeCompare(oldestGo, 'en', { numeric: true }) < 0)
    throw new Refusal(
      `The cluster is built with Go ${oldestGo} or newer, here is ${version}: https://go.dev/dl`,
    )
}

async function refuseFullDisk(): Promise<void> {
  const cached = await readdir(`${cacheFolder()}/binaries`).catch(() => [])
  const wanted = cached.length > 0 ? room.start : room.build
  const free = await freeIn(cacheFolder())
  if (free < wanted)
    throw new Refusal(
      `The cluster needs ${wanted} GiB in ${cacheFolder()}, there are ${Math.floor(free)}: make room`,
    )
}

/** Gibibytes that are free for a folder, or for what it will be made in. */
export async function freeIn(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return (bavail * bsize) / 2 ** 30
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return freeIn(dirname(folder))
  }
}
