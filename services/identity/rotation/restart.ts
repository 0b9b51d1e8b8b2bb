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
    const restartedAt = new Date(this.#io.now()).toISOString()
    for (const deployment of await this.#deployments())
      if (isReplaced(deployment))
        await this.#cluster.patch(this.#path(deployment.metadata.name), {
          spec: { template: { metadata: { annotations: { 'staffmesh.dev/keys-read-at': restartedAt } } } },
        })
  }

  /** As `kubectl rollout status` tells. */
  async areReplaced(): Promise<boolean> {
    return (await this.#deployments()).every(isReplaced)
  }

  #deployments(): Promise<Deployment[]> {
    return Promise.all(
      this.#config.deployments.map((name) => this.#cluster.get<Deployment>(this.#path(name))),
    )
  }

  #path(name: string) {
    return `/apis/apps/v1/namespaces/${this.#config.namespace}/deployments/${name}`
  }
}

const isReplaced = ({ metadata, spec, status }: Deployment) =>
  (status.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
  status.updatedReplicas === spec.replicas &&
  status.replicas === spec.replicas &&
  status.availableReplicas === spec.replicas
