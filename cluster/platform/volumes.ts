import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '../../cdk8s/environments.ts'
import { namespaces } from '../../mesh/resource.ts'
import { nodeName } from '../node/addresses.ts'
import { folders } from '../node/folders.ts'

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
