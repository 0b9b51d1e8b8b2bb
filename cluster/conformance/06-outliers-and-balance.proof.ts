import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directoryContract } from '../../services/directory/contract.ts'
import { routeOf } from '../../services/kit/contract.ts'
import { ask } from './harness/ask.ts'
import { type Company, newCompany } from './harness/company.ts'
import { eventually } from './harness/eventually.ts'
import { addReplicas, type Replica, removeReplicas } from './harness/faults.ts'
import type { PodRef } from './harness/kubernetes.ts'
import { startLoad } from './harness/load.ts'
import { upstreamsOf } from './harness/proxies.ts'
import { measured } from './harness/report.ts'
import { askFrom } from './harness/requests.ts'
import { addressOf, podOf } from './harness/workloads.ts'

const { method, path } = routeOf('listPositions', directoryContract.operations.listPositions)

let company: Company
let added: Replica[]
let caller: PodRef

beforeAll(async () => {
  ;[company, added, caller] = await Promise.all([
    newCompany(),
    addReplicas('directory', 2),
    podOf('workforce'),
  ])
  await eventually('The caller knows three replicas', async () =>
    expect(await upstreamsOf(caller, 'directory')).toHaveLength(3),
  )
})

afterAll(() => removeReplicas('directory'))

/** What each replica got of so many queries that the caller sent, by address. */
async function sharesOf(count: number): Promise<Map<string, number>> {
  const before = new Map(
    (await upstreamsOf(caller, 'directory')).map(({ address, requests }) => [address, requests]),
  )
  const query = {
    method,
    url: addressOf('directory') + path,
    headers: { authorization: `Bearer ${await company.token()}`, 'content-type': 'application/json' },
    body: JSON.stringify({ scope: { reach: 'all' } }),
  }
  const answers = await askFrom(caller, Array(count).fill(query))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  return new Map(
    (await upstreamsOf(caller, 'directory')).map(({ address, requests }) => [
      address,
      requests - (before.get(address) ?? 0),
    ]),
  )
}

describe('6. three replicas', () => {
  it('share the load evenly, within 20 percent', async () => {
    const shares = [...(await sharesOf(900)).values()]
    measured('requests a replica', shares.join(' / '))
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length
    const furthest = Math.max(...shares.map((share) => Math.abs(share - mean) / mean))
    measured('furthest from the mean, percent', (furthest * 100).toFixed(1))
    expect(furthest).toBeLessThan(0.2)
  })

  it('are two while one of them fails; good again, it comes back', async () => {
    const [bad] = added
    const ejected = async () =>
      (await upstreamsOf(caller, 'directory')).find(({ address }) => address === bad!.address)!.ejected
    await bad!.fail({ path, how: 'answer' })
    const load = startLoad(
      [
        {
          name: 'a query',
          async send() {
            const { status } = await ask(company, 'listPositions')
            if (status !== 200) throw new Error(String(status))
          },
        },
      ],
      20,
    )
    await eventually('The bad replica is left out', async () => expect(await ejected()).toBe(true))
    const { answered, failures } = await load.stop()
    const harmed = (await bad!.arrivals()).length
    measured('failures of the bad replica until it was left out', harmed)
    measured(`failures that callers saw, of ${answered + failures.length} calls`, failures.length)
    // Where several fail at a time the retry budget lets one of them be tried again.
    expect(failures.length).toBeLessThan(harmed)
    expect((await sharesOf(100)).get(bad!.address), 'requests while it is left out').toBe(0)

    await bad!.fail()
    const start = performance.now()
    await eventually('It is asked again', async () => expect(await ejected()).toBe(false))
    measured('back after it was good again, s', Math.round((performance.now() - start) / 1000))
    const share = (await sharesOf(300)).get(bad!.address)!
    measured('its requests then, of 300', share)
    expect(share).toBeGreaterThan(60)
  })
})
