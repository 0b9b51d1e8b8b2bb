import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { command } from '../cluster/command.ts'
import { buildDevelopmentImage } from '../cluster/images/build.ts'
import { retag } from '../cluster/images/registry.ts'
import { registry } from '../cluster/node/addresses.ts'

/**
 * Builds, for a cluster without Docker, the image in which services run their sources, and writes its name to a file.
 * There is one for all: what is to run, the manifests say. Its tag is of its content, so that nothing starts anew
 * for an image that is the same.
 */
await command(async () => {
  const { positionals } = parseArgs({ allowPositionals: true })
  const [out] = positionals
  if (!out) throw new Error('Use: node tilt/image.ts <file>')
  const { reference, digest } = await buildDevelopmentImage(registry.fromHost)
  const [, repository, tag] = reference.match(/^[^/]+\/(.+):([^:]+)$/) as unknown as [string, string, string]
  const content = digest.replace('sha256:', '').slice(0, 16)
  await retag({ registry: registry.fromHost, repository, tag }, content)
  await mkdir(dirname(out), { recursive: true })
  await writeFile(out, `${registry.onNode}/${repository}:${content}\n`)
})
