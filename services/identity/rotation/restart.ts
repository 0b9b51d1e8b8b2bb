import type { SigningKeys } from '../keys.ts'
import { oidcPath } from '../service.ts'
import type { Cluster, KubernetesObject } from './cluster.ts'
import type { RotationConfig } from './config.ts'
import type { Io } from './io.ts'
import { asks } from './proof.ts'

interface Deployment extends KubernetesObject {
  spec: { replicas: number }
  status: {
    observedGeneration?: number
    replicas?: number
    updatedReplicas?: number
    availableReplicas?: number
  }
}

/** The pods that sign read the keys once, at their start. */
export class Pods {
  readonly #cluster: Cluster
  readonly #config: RotationConfig
  readonly #io: Io

  constructor(cluster: Cluster, config: RotationConfig, io: Io) {
    this.#cluster = cluster
    this.#config = config
    this.#io = io
  }

  get #path() {
    return `/apis/apps/v1/namespaces/${this.#config.namespace}/deployments/${this.#config.deployment}`
  }

  /** Whether all have these keys: what they publish tells, and the first one signs. */
  async have({ keys }: SigningKeys): Promise<boolean> {
    for (let asked = 0; asked < asks; asked++) {
      const { status, body } = await this.#io.edge(`${oidcPath}/jwks`)
      if (status !== 200) return false
      const shown = (JSON.parse(body) as SigningKeys).keys.map(({ kid }) => kid)
      if (String(shown) !== String(keys.map(({ kid }) => kid))) return false
    }
    return true
  }

  /** Has the pods replaced one by one, as `kubectl rollout restart` does; not where they are being replaced already. */
  async replace(): Promise<void> {
    if (!(await this.areReplaced())) return
    const restartedAt = new Date(this.#io.now()).toISOString()
    await this.#cluster.patch(this.#path, {
      spec: { template: { metadata: { annotations: { 'staffmesh.dev/keys-read-at': restartedAt } } } },
    })
  }

  /** As `kubectl rollout status` tells. */
  async areReplaced(): Promise<boolean> {
    const { metadata, spec, status } = await this.#cluster.get<Deployment>(this.#path)
    return (
      (status.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
      status.updatedReplicas === spec.replicas &&
      status.replicas === spec.replicas &&
      status.availableReplicas === spec.replicas
    )
  }
}
