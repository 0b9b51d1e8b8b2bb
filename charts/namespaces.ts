import { Chart } from 'cdk8s'
import { k8s } from 'cdk8s-plus-34'
import type { Construct } from 'constructs'
import { namespaces } from '../mesh/resource.ts'

/** Our namespaces: Pod Security `restricted` is enforced, sidecars are injected. */
export class NamespacesChart extends Chart {
  constructor(scope: Construct, id: string) {
    super(scope, id, { disableResourceNameHashes: true })
    for (const name of Object.values(namespaces))
      new k8s.KubeNamespace(this, name, {
        metadata: {
          name,
          labels: {
            'istio-injection': 'enabled',
            'pod-security.kubernetes.io/enforce': 'restricted',
            'pod-security.kubernetes.io/warn': 'restricted',
            'pod-security.kubernetes.io/audit': 'restricted',
          },
        },
      })
  }
}
