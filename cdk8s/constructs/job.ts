import { createHash } from 'node:crypto'
import { JsonPatch } from 'cdk8s'
import { k8s } from 'cdk8s-plus-34'
import type { Construct } from 'constructs'

/**
 * A Job that runs once for what it is given. A Job's template is immutable, so its name carries a hash of it: a new
 * image, another host or another version to migrate to is another Job, and applying the same again changes nothing.
 */
export function job(
  scope: Construct,
  id: string,
  options: { name: string; labels: Record<string, string>; pod: k8s.PodSpec },
): void {
  const { name, labels, pod } = options
  const made = new k8s.KubeJob(scope, id, {
    metadata: { name, labels },
    spec: {
      // Until what it needs is there: proxies and databases may come up later.
      backoffLimit: 20,
      ttlSecondsAfterFinished: 7 * 24 * 3600,
      template: { metadata: { labels }, spec: { ...pod, restartPolicy: 'OnFailure' } },
    },
  })
  const { template } = (made.toJson() as Job).spec
  made.addJsonPatch(JsonPatch.replace('/metadata/name', `${name}-${podHash(template.spec)}`))
}

/** A Job as it is written. */
export interface Job {
  metadata: { name: string }
  spec: { template: { spec: object } }
}

export const podHash = (pod: object) =>
  createHash('sha256').update(JSON.stringify(pod)).digest('hex').slice(0, 8)
