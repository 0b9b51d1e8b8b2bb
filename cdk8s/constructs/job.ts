import { createHash } from 'node:crypto'
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
  const hash = createHash('sha256').update(JSON.stringify(pod)).digest('hex').slice(0, 8)
  new k8s.KubeJob(scope, id, {
    metadata: { name: `${name}-${hash}`, labels },
    spec: {
      // Until what it needs is there: proxies and databases may come up later.
      backoffLimit: 20,
      ttlSecondsAfterFinished: 7 * 24 * 3600,
      template: { metadata: { labels }, spec: { ...pod, restartPolicy: 'OnFailure' } },
    },
  })
}
