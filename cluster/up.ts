import { parseArgs } from 'node:util'
import { environmentOf, publicUrlOf } from '../cdk8s/environments.ts'
import { services } from '../services/index.ts'
import { refuseUnable } from './able.ts'
import { buildBinaries } from './binaries/build.ts'
import { alone, command } from './command.ts'
import { buildImages } from './images/build.ts'
import { addresses, registry } from './node/addresses.ts'
import { folders } from './node/folders.ts'
import { refreshImages } from './node/images.ts'
import { startNodeProcesses } from './node/start.ts'
import { installPlatform, installProduct, restart } from './platform/install.ts'
import { prune } from './prune.ts'
import { Refusal } from './shell.ts'

await command(async () => {
  const { values } = parseArgs({ options: { only: { type: 'string' }, prune: { type: 'boolean' } } })
  if (values.only !== undefined && values.only !== 'platform')
    throw new Refusal(`--only ${values.only}: it can be --only platform`)
  await refuseUnable()
  const start = performance.now()
  const release = alone()
  const environment = environmentOf('bare')
  const binaries = await buildBinaries()
  const node = await startNodeProcesses(binaries)
  const built = await buildImages({ registry: registry.fromHost, binaries })
  const changed = await refreshImages(node, built)
  await installPlatform(binaries, environment)
  if (!values.only) {
    await installProduct(services, environment)
    await restart(changed)
  }
  if (values.prune) await prune(node, binaries, built)
  release()
  const seconds = Math.round((performance.now() - start) / 1000)
  const reach = `  edge      ${publicUrlOf(environment)}, at ${addresses.node}: curl --resolve ${environment.domain}:80:${addresses.node} ${publicUrlOf(environment)}/readyz\n`
  process.stdout.write(`
The cluster is up after ${seconds} s${values.only ? ', without the product' : ''}.
${values.only ? '' : reach}  kubectl   export KUBECONFIG=${folders().kubeconfig}
  end       npm run cluster:down
`)
})
