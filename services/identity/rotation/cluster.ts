import type { Io } from './io.ts'

export interface KubernetesObject {
  metadata: {
    name: string
    generation?: number
    resourceVersion: string
    annotations?: Record<string, string>
  }
}

/** Somebody else has changed the object since it was read. */
export class Changed extends Error {}

/** The two things that the Job may do with the objects that its Role names. */
export class Cluster {
  readonly #api: Io['api']

  constructor(api: Io['api']) {
    this.#api = api
  }

  async get<T extends KubernetesObject>(path: string): Promise<T> {
    return this.#answered('read', path, await this.#api(path))
  }

  /** A merge patch. Throws `Changed` where the patch names another resourceVersion than the object has. */
  async patch<T extends KubernetesObject>(path: string, patch: object): Promise<T> {
    const answer = await this.#api(`${path}?fieldManager=key-rotation`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify(patch),
    })
    if (answer.status === 409) throw new Changed(`${path} was changed by somebody else`)
    return this.#answered('change', path, answer)
  }

  #answered<T>(what: string, path: string, { status, body }: Awaited<ReturnType<Io['api']>>): T {
    if (status === 200) return JSON.parse(body)
    const remedy: Record<number, string> = {
      0: 'the API server does not answer; look at the NetworkPolicy and the Sidecar of this Job',
      403: 'apply the Role of the manifests again',
      404: 'it is not there; apply the manifests again, made with --jwks',
    }
    throw new Error(`Cannot ${what} ${path} (${status}): ${remedy[status] ?? messageOf(body)}`)
  }
}

/** Kubernetes answers a Status. */
function messageOf(body: string): string {
  try {
    return JSON.parse(body).message ?? body
  } catch {
    return body
  }
}
