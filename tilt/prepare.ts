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
  process.stdout.write(
    JSON.stringify({ ...planOf(services, environment), manifests, accounts: join(data, 'demo.json') }),
  )
})
