import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { edge } from '../../mesh/graph.ts'
import { namespaces } from '../../mesh/resource.ts'
import { services } from '../../services/index.ts'
import { newCompany } from './harness/company.ts'
import { eventually } from './harness/eventually.ts'
import { kubectl, list } from './harness/kubernetes.ts'
import { type Load, startLoad } from './harness/load.ts'
import { commandsOf, eventsOf, queriesOf } from './harness/traffic.ts'

const deploymentsOf = async (namespace: string, selector: string) =>
  (await list('deployments', namespace, selector)).map(({ metadata }) => metadata.name)

/** Replaces all pods of some deployments, and waits until the new ones are ready and the old ones gone. */
async function replace(namespace: string, names: readonly string[]): Promise<void> {
  await kubectl(['rollout', 'restart', 'deployment', ...names, '--namespace', namespace])
  await rolledOut(namespace, names)
}

async function rolledOut(namespace: string, names: readonly string[]): Promise<void> {
  for (const name of names)
    await kubectl(['rollout', 'status', `deployment/${name}`, '--namespace', namespace, '--timeout', '90s'])
  await eventually('The old pods are gone', async () => {
    const going = (await list('pods', namespace)).filter(({ metadata }) => metadata.deletionTimestamp)
    expect(going.map(({ metadata }) => metadata.name)).toEqual([])
  })
}

describe('under constant load no request fails', () => {
  let load: Load
  beforeAll(async () => {
    const companies = await Promise.all([newCompany(), newCompany()])
    const queries = await Promise.all(companies.map(queriesOf))
    load = startLoad(
      [...queries.flat(), ...companies.flatMap(commandsOf)],
      30,
      await Promise.all(companies.map(eventsOf)),
    )
  })
  afterAll(async () => {
    const outcome = await load.stop()
    console.info(outcome)
  })

  it.each(services.map(({ name }) => name))('when %s and its worker are replaced', async (service) => {
    const before = load.failures.length
    await replace(
      namespaces.services,
      await deploymentsOf(namespaces.services, `app.kubernetes.io/part-of=${service}`),
    )
    expect(load.failures.slice(before)).toEqual([])
  })

  it('when the edge is replaced', async () => {
    const before = load.failures.length
    await replace(namespaces.edge, [edge])
    expect(load.failures.slice(before)).toEqual([])
  })

  it('when istiod is replaced', async () => {
    const before = load.failures.length
    await replace('istio-system', ['istiod'])
    expect(load.failures.slice(before)).toEqual([])
  })
})
