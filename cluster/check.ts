import { parseArgs } from 'node:util'
import { refuseUnable, tools } from './able.ts'
import { command } from './command.ts'
import { networkPlugins } from './node/start.ts'
import { absent, packages } from './shell.ts'

/**
 * Tells whether this machine can have a cluster, and else why not. With `--packages` it prints the distribution's
 * packages that are missing instead; Go is not among them, since distributions have older ones.
 */
await command(async () => {
  const { values } = parseArgs({ options: { packages: { type: 'boolean' } } })
  if (!values.packages) return refuseUnable()
  const lacking = (await absent(tools)).filter((tool) => tool !== 'go').map((tool) => packages[tool] ?? tool)
  const plugins = await networkPlugins().then(
    () => [],
    () => ['containernetworking-plugins'],
  )
  process.stdout.write([...new Set([...lacking, ...plugins])].join(' '))
})
