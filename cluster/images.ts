import { parseArgs } from 'node:util'
import { buildBinaries } from './binaries/build.ts'
import { alone, command } from './command.ts'
import { buildImages } from './images/build.ts'
import { registry } from './node/addresses.ts'
import { refreshImages } from './node/images.ts'
import { findNode } from './node/namespaces.ts'
import { restart } from './platform/install.ts'
import { Refusal } from './shell.ts'

/** `npm run cluster:images -- directory edge`: builds these, or all, and replaces the pods that run what was before. */
await command(async () => {
  const { positionals: which } = parseArgs({ allowPositionals: true })
  const release = alone()
  const node = await findNode()
  if (!node) throw new Refusal('There is no cluster: npm run cluster:up')
  const binaries = await buildBinaries()
  const built = await buildImages({
    registry: registry.fromHost,
    binaries,
    ...(which.length > 0 ? { which } : {}),
  })
  const changed = await refreshImages(node, built)
  const seconds = (performance.now() / 1000).toFixed(1)
  process.stdout.write(
    changed.length > 0 ? `On the node after ${seconds} s: ${changed.join(', ')}\n` : 'Nothing has changed.\n',
  )
  await restart(changed)
  release()
})
