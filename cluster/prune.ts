import { readdir, rm, statfs } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { bundles } from '../bundle/bundle.ts'
import { type Binaries, namesInCache } from './binaries/build.ts'
import { envoyFolder } from './binaries/envoy.ts'
import { prometheusFolder } from './binaries/prometheus.ts'
import { cacheFolder } from './cache.ts'
import { type Built, keysOf } from './images/build.ts'
import { forget } from './images/registry.ts'
import { debianRoot, slimRoot } from './images/rootfs.ts'
import { dependenciesName, nodeFolder } from './images/stages.ts'
import { openStorage } from './images/storage.ts'
import { registry } from './node/addresses.ts'
import { registryConfig } from './node/components.ts'
import { removeOtherImages } from './node/images.ts'
import type { Node } from './node/namespaces.ts'
import { step } from './shell.ts'

/**
 * Removes from the cache what only former versions needed: programs, roots, images. The node runs and has all images of
 * today; nothing is built or pushed meanwhile.
 */
export const prune = (node: Node, binaries: Binaries, built: Readonly<Record<string, Built>>) =>
  step('Remove what only former versions needed', async () => {
    const before = await free()
    const images = join(cacheFolder(), 'images')
    const roots = [await debianRoot(), await slimRoot(), await nodeFolder(), await dependenciesName()]
    const fetched = [await envoyFolder(), await prometheusFolder()]
    await keep(dirname(binaries.istio), [...(await namesInCache()), ...fetched])
    await keep(images, [...roots, 'bundles', 'storage'])
    await keep(join(images, 'bundles'), bundles())
    await (await openStorage()).keep(await keysOf(binaries))
    const digests = new Set(Object.values(built).map(({ digest }) => digest))
    await removeOtherImages(node, digests)
    await forget(registry.fromHost, digests)
    await node.run(join(binaries.registry, 'registry'), [
      ...['garbage-collect', '--delete-untagged', '--quiet'],
      registryConfig(),
    ])
    process.stdout.write(`  ${(((await free()) - before) / 2 ** 30).toFixed(1)} GiB are free again\n`)
  })

/** Removes from a folder all but the entries of these names, or paths. */
async function keep(folder: string, kept: readonly string[]): Promise<void> {
  const names = new Set(kept.map((path) => basename(path)))
  for (const name of await readdir(folder))
    if (!names.has(name)) await rm(join(folder, name), { recursive: true })
}

/** Bytes that are free where the cache is. */
async function free(): Promise<number> {
  const { bavail, bsize } = await statfs(cacheFolder())
  return bavail * bsize
}
