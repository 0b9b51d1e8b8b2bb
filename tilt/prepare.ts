import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from '../cluster/command.ts'
import { renderProduct } from '../cluster/platform/product.ts'
import { services } from '../services/index.ts'
import { makeKongSecrets } from './kong-secrets.ts'
import { planOf } from './plan.ts'
import { target } from './target.ts'

/** Makes what pods ask for before they start, renders the manifests, and prints what the Tiltfile has to know. */
await command(async () => {
  const { environment, kubectl, manifests, data } = target()
  await renderProduct(kubectl, services, environment, {
    folder: manifests,
    by: 'tilt',
    flags: ['--development'],
  })
  if (environment.edge === 'kong') await makeKongSecrets(kubectl)
  const plan = {
    ...planOf(services, environment),
    // As texts: were they files to Tilt, it would see them change at each rendering and ask for the next.
    manifests: await textsIn(manifests),
    values: await textsIn(join(manifests, 'helm')),
    written: manifests,
    accounts: join(data, 'demo.json'),
  }
  process.stdout.write(JSON.stringify(plan))
})

/** YAML files of a folder by name. */
async function textsIn(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort()
  const texts = names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const)
  return Object.fromEntries(await Promise.all(texts))
}
