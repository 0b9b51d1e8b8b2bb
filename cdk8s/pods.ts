import type { ApiObject } from '../mesh/checks.ts'

interface Container {
  name: string
  securityContext?: Record<string, unknown>
  ports?: { name?: string; containerPort: number }[]
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef?: { name?: string; key?: string } } }[]
}

interface Pod {
  automountServiceAccountToken?: boolean
  hostNetwork?: boolean
  serviceAccountName?: string
  securityContext?: Record<string, unknown>
  containers: Container[]
  initContainers?: Container[]
  volumes?: { name: string; secret?: { secretName?: string }; hostPath?: unknown }[]
}

interface Template {
  template?: { metadata?: { labels?: Labels }; spec?: Pod }
}

export type Labels = Readonly<Record<string, string>>
export const partOf = 'app.kubernetes.io/part-of'

/** Each pod that the objects make, with the words to name it by. */
export const podsIn = (
  objects: readonly ApiObject[],
): { where: string; namespace: string; unit: string | undefined; pod: Pod }[] =>
  objects.flatMap(({ kind, metadata, spec }) => {
    const job = (spec?.jobTemplate as { spec?: Template } | undefined)?.spec
    const { template } = job ?? ((spec ?? {}) as Template)
    if (!template?.spec?.containers) return []
    const namespace = metadata.namespace ?? 'default'
    const unit = template.metadata?.labels?.[partOf]
    return [{ where: `${kind} ${metadata.name}`, namespace, unit, pod: template.spec }]
  })

export const containersIn = (objects: readonly ApiObject[]) =>
  podsIn(objects).flatMap(({ where, pod }) =>
    [...pod.containers, ...(pod.initContainers ?? [])].map((container) => ({
      where: `${where}, container ${container.name}`,
      container,
    })),
  )
