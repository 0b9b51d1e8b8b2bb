import { chmod, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '../../cdk8s/environments.ts'
import { namespaces } from '../../mesh/resource.ts'
import { nodeName } from '../node/addresses.ts'
import { folders } from '../node/folders.ts'
import type { Kubectl } from './secrets.ts'

/** A folder of the node for each database inside the cluster: there is nobody who provisions volumes. */
export async function volumes({ instances }: Environment): Promise<object[]> {
  const inside = Object.entries(instances).filter(([, { storage }]) => storage)
  return Promise.all(
    inside.map(async ([instance, { storage }]) => {
      const path = join(folders().volumes, instance)
      // The kubelet gives it to the group of the pod; changed again, it would open all that is in it to the group.
      if (await mkdir(path, { recursive: true })) await chmod(path, 0o770)
      return {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: instance },
        spec: {
          capacity: { storage },
          accessModes: ['ReadWriteOnce'],
          persistentVolumeReclaimPolicy: 'Retain',
          claimRef: { namespace: namespaces.databases, name: `data-${instance}-0` },
          local: { path },
          nodeAffinity: {
            required: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] }] },
              ],
            },
          },
        },
      }
    }),
  )
}

/** Empties them, once nobody has a claim on them any more. */
export async function emptyVolumes(kubectl: Kubectl, environment: Environment): Promise<void> {
  await rm(folders().volumes, { recursive: true, force: true })
  const items = await volumes(environment)
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  // A volume remembers its claim, so it is made anew.
  await kubectl(['replace', '--force', '--filename', '-'], list)
}
