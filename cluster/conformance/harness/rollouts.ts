import { expect } from 'vitest'
import { namespaces } from '../../../mesh/resource.ts'
import { eventually } from './eventually.ts'
import { kubectl, list } from './kubernetes.ts'

/** Server and worker of a service. */
export const deploymentsOf = async (service: string) =>
  (await list('deployments', namespaces.services, `app.kubernetes.io/part-of=${service}`)).map(
    ({ metadata }) => metadata.name,
  )

/** Replaces all pods of some deployments, and waits until the new ones are ready. */
export async function replace(namespace: string, names: readonly string[]): Promise<void> {
  await kubectl(['rollout', 'restart', 'deployment', ...names, '--namespace', namespace])
  await rolledOut(namespace, names)
}

export async function rolledOut(namespace: string, names: readonly string[]): Promise<void> {
  for (const name of names)
    await kubectl(['rollout', 'status', `deployment/${name}`, '--namespace', namespace, '--timeout', '90s'])
}

/** Waits until pods that are to go have drained and are gone. */
export const drained = (namespace: string) =>
  eventually(`The pods that were to go from ${namespace} are gone`, async () => {
    const going = (await list('pods', namespace)).filter(({ metadata }) => metadata.deletionTimestamp)
    expect(going.map(({ metadata }) => metadata.name)).toEqual([])
  })

/** Gives servers of services this many replicas, past what the environment bounds them to; `back` undoes it. */
export async function scale(
  services: readonly string[],
  replicas: number,
): Promise<{ back(): Promise<void> }> {
  const scalers = (await list('horizontalpodautoscalers', namespaces.services)).filter(({ metadata }) =>
    services.includes(metadata.name),
  )
  const set = async (
    name: string,
    bounds: { minReplicas: number; maxReplicas: number },
    count: number,
  ): Promise<void> => {
    await kubectl([
      ...['patch', 'horizontalpodautoscaler', name, '--namespace', namespaces.services],
      ...['--type', 'merge', '--patch', JSON.stringify({ spec: bounds })],
    ])
    await kubectl([
      ...['scale', 'deployment', name, '--namespace', namespaces.services],
      ...['--replicas', String(count)],
    ])
  }
  await Promise.all(
    services.map((name) => set(name, { minReplicas: replicas, maxReplicas: replicas }, replicas)),
  )
  await rolledOut(namespaces.services, services)
  return {
    async back() {
      await Promise.all(
        scalers.map(({ metadata, spec: { minReplicas, maxReplicas } }) =>
          set(metadata.name, { minReplicas, maxReplicas }, minReplicas),
        ),
      )
      await rolledOut(namespaces.services, services)
    },
  }
}
