import { manifestsOf } from '../cdk8s/app.ts'
import { command } from '../cluster/command.ts'
import { emptyVolumes } from '../cluster/platform/volumes.ts'
import { namespaces } from '../mesh/resource.ts'
import { services } from '../services/index.ts'
import { target } from './target.ts'

/** Removes Staffmesh from a cluster, whoever brought it there: its namespaces with all that is in them, databases too. */
await command(async () => {
  const { environment, kubectl } = target()
  const among = Object.values(namespaces)
  // What is to be removed need not drain.
  for (const namespace of among)
    await kubectl(['delete', 'pods', '--all', '--namespace', namespace, '--grace-period=1', '--wait=false'])
  await kubectl(['delete', 'namespace', ...among, '--ignore-not-found'])
  const manifests = await manifestsOf(services, environment, '{"keys":[]}')
  const above = [...manifests.values()]
    .flat()
    .filter(({ kind, metadata }) => kind !== 'Namespace' && !metadata.namespace)
  await kubectl(
    ['delete', '--ignore-not-found', '--filename', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: above }),
  )
  // Elsewhere volumes go with their claims.
  if (environment.name === 'bare') await emptyVolumes(kubectl, environment)
  process.stdout.write(`Removed: ${among.join(', ')}\n`)
})
