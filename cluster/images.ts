import { parseArgs } from 'node:util'
import { buildBinaries } from './binaries/build.ts'
import { alone, command } from './command.ts'
import { buildDevelopmentImages, buildImages } from './images/build.ts'
import { registry } from './node/addresses.ts'
import { refreshImages } from './node/images.ts'
import { findNode } from './node/namespaces.ts'
import { restart } from './platform/install.ts'
import { Refusal, until } from './shell.ts'

/**
 * `npm run cluster:images -- directory edge`: builds these, or all, and replaces the pods that run what was before. With
 * `--development` it brings images that run the sources into the registry, as tag `development` and as that of `--tag`,
 * and leaves the pods alone.
 */
await command(async () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { development: { type: 'boolean' }, tag: { type: 'string' } },
  })
  const which = positionals.length > 0 ? { which: positionals } : {}
  if (values.tag && !values.development)
    throw new Refusal('--tag is for --development: manifests name the other images')
  if (values.development) {
    // Tilt builds several at once, each by a command of its own.
    const release = await until('The turn of this command', async () => alone(), { seconds: 600 })
    await buildDevelopmentImages({
      registry: registry.fromHost,
      ...which,
      ...(values.tag ? { tag: values.tag } : {}),
    })
    return release()
  }
  const release = alone()
  const node = await findNode()
  if (!node) throw new Refusal('There is no cluster: npm run cluster:up')
  const binaries = await buildBinaries()
  const built = await buildImages({
    registry: registry.fromHost,
    binaries,
    ...which,
  })
  const changed = await refreshImages(node, built)
  const seconds = (performance.now() / 1000).toFixed(1)
  process.stdout.write(
    changed.length > 0 ? `On the node after ${seconds} s: ${changed.join(', ')}\n` : 'Nothing has changed.\n',
  )
  await restart(changed)
  release()
})
