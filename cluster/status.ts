import { buildBinaries } from './binaries/build.ts'
import { command } from './command.ts'
import { components } from './node/components.ts'
import { findNode } from './node/namespaces.ts'
import { isHealthy, kubectl } from './node/start.ts'

await command(async () => {
  const node = await findNode()
  if (!node) {
    process.stdout.write('There is no cluster: npm run cluster:up\n')
    process.exitCode = 1
    return
  }
  const binaries = await buildBinaries()
  for (const component of components(binaries)) {
    const healthy = await isHealthy(node, component)
    process.stdout.write(`${healthy ? '✓' : '✗'} ${component.name}\n`)
    if (!healthy) process.exitCode = 1
  }
  const pods = await kubectl(['get', 'pods', '--all-namespaces']).catch((error: Error) => error.message)
  process.stdout.write(`\n${pods}`)
})
