import type { SigningKeys } from '../keys.ts'
import { Changed, type Cluster, type KubernetesObject } from './cluster.ts'
import type { RotationConfig } from './config.ts'
import type { Io } from './io.ts'

/**
 * How far a rotation is; at rest there is none.
 * - `publishing`: the next key is made known and proven
 * - `switching`: the next key is first, and pods are replaced so that it signs
 * - `retiring`: what the former key has signed expires
 * - `renewing`: the former key is gone, another next one is made known and proven
 */
export type Phase = 'publishing' | 'switching' | 'retiring' | 'renewing'

interface Secret extends KubernetesObject {
  data: Record<string, string>
}

/** The key of the Secret, as service.ts declares it. */
const file = 'signing-keys.json'

const annotation = {
  phase: 'staffmesh.dev/rotation',
  job: 'staffmesh.dev/rotation-job',
  alive: 'staffmesh.dev/rotation-alive',
  switchedAt: 'staffmesh.dev/rotation-switched-at',
}

/** Milliseconds: how often a rotation shows that it is alive, and how long it may be silent before another goes on. */
const alive = { every: 30_000, within: 120_000 }

/**
 * The Secret with the signing keys, and with all that a rotation has to remember. Each change is refused by the API
 * server where somebody else has changed it since, so there is no second rotation beside this one.
 */
export class KeyRing {
  readonly #cluster: Cluster
  readonly #config: RotationConfig
  readonly #io: Io
  #secret!: Secret

  private constructor(cluster: Cluster, config: RotationConfig, io: Io) {
    this.#cluster = cluster
    this.#config = config
    this.#io = io
  }

  /**
   * Begins a rotation or goes on with one that was broken off. Undefined where this Job's is done.
   * Throws where another Job is at it.
   */
  static async claim(cluster: Cluster, config: RotationConfig, io: Io): Promise<KeyRing | undefined> {
    const ring = new KeyRing(cluster, config, io)
    ring.#secret = await cluster.get(ring.#path)
    const { phase, job } = annotation
    const { [phase]: at, [job]: by, [annotation.alive]: seen } = ring.#annotations
    if (!at && by === config.job) return undefined
    if (at && by !== config.job && io.now() - Date.parse(seen!) < alive.within)
      throw new Error(`Job ${by} is rotating the keys (${at}): wait for its end`)
    await ring.#change({ annotations: { [phase]: at ?? 'publishing', [job]: config.job } })
    return ring
  }

  get #path() {
    return `/api/v1/namespaces/${this.#config.namespace}/secrets/${this.#config.secret}`
  }

  get #annotations(): Record<string, string> {
    return this.#secret.metadata.annotations ?? {}
  }

  get keys(): SigningKeys {
    const text = this.#secret.data[file]
    const { keys } = JSON.parse(Buffer.from(text ?? '{}', 'base64').toString()) as Partial<SigningKeys>
    if (!keys || keys.length < 2)
      throw new Error(
        `Secret ${this.#config.secret}: ${file} must hold a JWKS with the current and the next key`,
      )
    return { keys }
  }

  get phase(): Phase {
    return this.#annotations[annotation.phase] as Phase
  }

  /** Milliseconds since the epoch; since when no pod signs with the former key. */
  get switchedAt(): number {
    return Date.parse(this.#annotations[annotation.switchedAt]!)
  }

  /** The next phase, in one change with what it begins with. Null ends the rotation. */
  async enter(phase: Phase | null, { keys, switchedAt }: { keys?: SigningKeys; switchedAt?: number } = {}) {
    await this.#change({
      annotations: {
        [annotation.phase]: phase,
        [annotation.switchedAt]: switchedAt ? new Date(switchedAt).toISOString() : null,
      },
      ...(keys ? { data: { [file]: Buffer.from(JSON.stringify(keys)).toString('base64') } } : {}),
    })
  }

  /** To be called now and then: whoever is silent for long is taken for dead, and another may go on in its place. */
  async showAlive(): Promise<void> {
    const last = Date.parse(this.#annotations[annotation.alive]!)
    if (this.#io.now() - last >= alive.every) await this.#change({ annotations: {} })
  }

  async #change(change: { annotations: Record<string, string | null>; data?: Record<string, string> }) {
    const { resourceVersion } = this.#secret.metadata
    const now = new Date(this.#io.now()).toISOString()
    const { annotations, ...data } = change
    try {
      this.#secret = await this.#cluster.patch(this.#path, {
        metadata: { resourceVersion, annotations: { ...annotations, [annotation.alive]: now } },
        ...data,
      })
    } catch (error) {
      if (!(error instanceof Changed)) throw error
      throw new Error(`Somebody else has changed Secret ${this.#config.secret}: run the Job again`, {
        cause: error,
      })
    }
  }
}
