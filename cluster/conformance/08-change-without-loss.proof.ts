import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { edge } from '../../mesh/graph.ts'
import { namespaces } from '../../mesh/resource.ts'
import { directoryContract } from '../../services/directory/contract.ts'
import { services } from '../../services/index.ts'
import { workforceContract } from '../../services/workforce/contract.ts'
import { type Company, newCompany } from './harness/company.ts'
import { environment } from './harness/edge.ts'
import { eventually } from './harness/eventually.ts'
import { kubectl, read } from './harness/kubernetes.ts'
import { type Load, startLoad } from './harness/load.ts'
import { upgrade } from './harness/manifests.ts'
import { releasesOf } from './harness/next-release.ts'
import { measured } from './harness/report.ts'
import { askFrom } from './harness/requests.ts'
import { deploymentsOf, drained, replace, rolledOut, scale } from './harness/rollouts.ts'
import { versionsAsked } from './harness/shares.ts'
import { claimsOf, sign, signingKeys } from './harness/tokens.ts'
import { commandsOf, eventsOf, queriesOf } from './harness/traffic.ts'
import { addressOf, heardBy, podOf, podsOf } from './harness/workloads.ts'

const names = services.map(({ name }) => name)

/** Requests a second, for minutes; far below what any quota allows. */
const rate = 12

describe('under constant load no request fails', () => {
  let load: Load
  let companies: Company[]

  beforeAll(async () => {
    companies = await eventually('Companies are made', () => Promise.all([newCompany(), newCompany()]))
    const queries = await Promise.all(companies.map(queriesOf))
    load = startLoad(
      [...queries.flat(), ...companies.flatMap(commandsOf)],
      rate,
      await Promise.all(companies.map(eventsOf)),
    )
  })
  afterAll(() => load?.stop())

  /** What fails while something is changed, fails the proof. */
  async function unharmed(change: () => Promise<unknown>): Promise<void> {
    const before = load.failures.length
    await change()
    expect(load.failures.slice(before)).toEqual([])
  }

  it('when the servers and workers of all services are replaced, and the edge', () =>
    unharmed(async () => {
      const since = new Date()
      const all = (await Promise.all(names.map(deploymentsOf))).flat()
      await Promise.all([replace(namespaces.services, all), replace(namespaces.edge, [edge])])
      for (const name of names)
        await eventually(`The new pods of ${name} have work`, async () =>
          expect((await heardBy(name, since)).size).toBeGreaterThan(0),
        )
    }))

  it('when istiod is replaced', () => unharmed(() => replace('istio-system', ['istiod'])))

  it('until the last pod that was replaced has gone', () =>
    unharmed(async () => {
      for (const namespace of [namespaces.services, namespaces.edge]) await drained(namespace)
    }))

  describe('when there are two replicas of each', () => {
    let scaled: Awaited<ReturnType<typeof scale>> | undefined
    afterAll(() => scaled?.back())

    it('which are added', () =>
      unharmed(async () => {
        scaled = await scale(names, 2)
        for (const name of names) expect(await podsOf(name)).toHaveLength(2)
      }))

    it('of which one is evicted, and the other stays as long as its disruption budget says', () =>
      unharmed(async () => {
        const evict = ({ name, namespace }: { name: string; namespace: string }) =>
          kubectl(
            ['create', '--raw', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, '--filename', '-'],
            JSON.stringify({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } }),
          )
        await Promise.all(
          names.map(async (name) => {
            const [first, second] = await podsOf(name)
            await evict(first!)
            await expect(evict(second!)).rejects.toThrow('disruption budget')
          }),
        )
      }))

    it('of which one is taken away while another comes', () =>
      unharmed(async () => {
        await scaled!.back()
        scaled = undefined
        for (const name of names) expect(await podsOf(name)).toHaveLength(1)
      }))
  })

  describe('when one service migrates its schema, and a canary of another is tried meanwhile', () => {
    const migrated = directoryContract.service
    const contract = 'alter table import drop column if exists conformance; drop table if exists conformance'
    let releases: Awaited<ReturnType<typeof releasesOf>>

    const { service, operations } = workforceContract
    const header = { name: 'x-staffmesh-version', value: 'next' }
    const operation = 'listPositions' satisfies keyof typeof operations
    const { path } = operations[operation].route!
    let tokens: string[]
    let canary: NonNullable<typeof environment.canary>
    const at = (weight: number) => ({ ...environment, canary: { ...canary, weight } })

    beforeAll(async () => {
      releases = await releasesOf(migrated, contract)
      const [key] = await signingKeys()
      // Of so many companies that none comes near its share.
      tokens = await Promise.all(
        Array.from({ length: 40 }, () => sign(key!, claimsOf({ roles: ['hr-admin:all'] }))),
      )
      canary = { service, digest: await digestOf(service), weight: 0, header }
    })
    afterAll(() => Promise.all([releases?.end(), upgrade(at(0), environment)]))

    /** Asks as the edge does, whose proxy chooses the version; answers with the statuses. */
    const ask = async (count: number, headers: Record<string, string> = {}) => {
      const answers = await askFrom(
        await podOf(edge),
        Array.from({ length: count }, (_, index) => ({
          url: addressOf(service) + path,
          headers: { authorization: `Bearer ${tokens[index % tokens.length]}`, ...headers },
        })),
      )
      expect(answers.map(({ status }) => status)).toEqual(Array(count).fill(200))
    }

    async function tryByHeader(): Promise<void> {
      await upgrade(environment, at(0))
      await rolledOut(namespaces.services, [`${service}-canary`])
      await eventually('The header leads to the canary', async () => {
        const since = new Date()
        await ask(20, { [header.name]: header.value })
        await eventually('The proxy has logged it', async () => {
          const asked = (await versionsAsked(service, since)).filter((each) =>
            each.operation.startsWith(operation),
          )
          const byHeader = asked.filter((each) => each.operation === `${operation}-canary`)
          expect(byHeader).toHaveLength(20)
          expect(byHeader.every(({ version }) => version === 'canary')).toBe(true)
        })
        const others = (await versionsAsked(service, since)).filter(
          (each) => !each.operation.endsWith('-canary'),
        )
        expect(others.length).toBeGreaterThan(0)
        expect(others.every(({ version }) => version === 'stable')).toBe(true)
      })
    }

    async function tryByWeight(): Promise<void> {
      await upgrade(at(0), at(10))
      let since = new Date()
      await eventually('Some go to the canary', async () => {
        expect((await versionsAsked(service, since)).some(({ version }) => version === 'canary')).toBe(true)
      })
      since = new Date()
      await ask(500)
      const asked = await eventually('The proxy has logged them', async () => {
        const found = await versionsAsked(service, since)
        expect(found.length).toBeGreaterThanOrEqual(500)
        return found
      })
      const share = asked.filter(({ version }) => version === 'canary').length / asked.length
      measured('share of the canary at weight 10', `${(share * 100).toFixed(1)} % of ${asked.length}`)
      // Three standard deviations of five hundred draws are 4 %.
      expect(share).toBeGreaterThan(0.06)
      expect(share).toBeLessThan(0.14)
    }

    it('by a release that adds, beside pods of the one before; by those who ask for it, and by nobody else', () =>
      unharmed(() =>
        Promise.all([
          releases.release(
            'expand',
            `alter table import add column conformance text not null default 'as before';
             create index on import (tenant, conformance);
             create table conformance (id uuid primary key)`,
          ),
          tryByHeader(),
        ]),
      ))

    it('by a later release that takes away what nobody reads; by a tenth of all', () =>
      unharmed(() => Promise.all([releases.release('contract', contract), tryByWeight()])))

    it('and the release of today comes back; and it is given up', () =>
      unharmed(async () => {
        await Promise.all([releases.end(), upgrade(at(10), environment)])
        await drained(namespaces.services)
      }))
  })

  it('in all that time', async () => {
    const { answered, failures, latency } = await load.stop()
    expect(failures).toEqual([])
    measured('requests answered while everything was changed', answered)
    measured(
      'milliseconds of a request meanwhile (p50, p90, p99, longest)',
      Object.values(latency).map(Math.round).join(', '),
    )
  })
})

/** What the pods of a service run now, by its digest: a second name for the same. */
async function digestOf(service: string): Promise<string> {
  const { name, namespace } = await podOf(service)
  const { status } = await read('pods', namespace, name)
  const { imageID } = status.containerStatuses.find((each: { name: string }) => each.name === 'service')
  return imageID.slice(imageID.indexOf('@') + 1)
}
