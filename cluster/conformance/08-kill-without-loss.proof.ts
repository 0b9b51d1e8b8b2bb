import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { edge } from '../../mesh/graph.ts'
import { directoryContract } from '../../services/directory/contract.ts'
import { workforceContract } from '../../services/workforce/contract.ts'
import { until } from '../shell.ts'
import { type Company, newCompany } from './harness/company.ts'
import { openDatabase } from './harness/database.ts'
import { eventually } from './harness/eventually.ts'
import { killPod } from './harness/kill.ts'
import { type Load, startLoad } from './harness/load.ts'
import { measured } from './harness/report.ts'
import { scale } from './harness/rollouts.ts'
import { prepareImport } from './harness/traffic.ts'
import { podOf, podsOf } from './harness/workloads.ts'

const database = directoryContract.service
/** Commands a second, so many that some are under way when a pod ends, and few enough to be caught up with after it. */
const rate = 20

/** What a command goes through on its way to the database that keeps it. */
const onTheWay = [workforceContract.service, database]
const victims = [...onTheWay, edge]

describe('a pod that is killed loses no command and doubles none', () => {
  let companies: Company[]
  let scaled: Awaited<ReturnType<typeof scale>>
  let load: Load
  const ids: string[] = []
  /** How many pods each had. */
  const before = new Map<string, number>()
  const given = { once: 0, again: 0 }

  beforeAll(async () => {
    companies = await eventually('Companies are made', () =>
      Promise.all([newCompany(), newCompany(), newCompany()]),
    )
    scaled = await scale(onTheWay, 2)
    for (const workload of victims) before.set(workload, (await podsOf(workload)).length)
    load = startLoad(
      companies.map((company) => ({ name: `a command of ${company.company}`, send: () => command(company) })),
      rate,
    )
  })
  afterAll(async () => {
    await load?.stop()
    await scaled?.back()
  })

  /** As a client does who has a key: where there was no answer, or none that says what became of it, asks again. */
  async function command(company: Company): Promise<void> {
    const key = randomUUID()
    given.once++
    const ask = async () => {
      try {
        return await prepareImport(company, key)
      } catch (error) {
        given.again++
        throw error
      }
    }
    ids.push(await until('The command is answered', ask, { seconds: 60, pause: 1500 }))
  }

  const answered = (count: number) => {
    const goal = ids.length + count
    return eventually(`${count} more commands are answered`, async () =>
      expect(ids.length).toBeGreaterThanOrEqual(goal),
    )
  }

  it.each(victims)('of %s, in the middle of its work', async (workload) => {
    await answered(20)
    await killPod(await podOf(workload))
    await answered(60)
  })

  it('and what was killed has started anew', async () => {
    for (const [workload, replicas] of before)
      await eventually(`${workload} has started anew`, async () =>
        expect(await podsOf(workload)).toHaveLength(replicas),
      )
  })

  it('so that each stands there exactly once', async () => {
    const { failures } = await load.stop()
    expect(failures).toEqual([])
    expect(ids).toHaveLength(given.once)
    expect(new Set(ids).size).toBe(ids.length)
    const { client, close } = await openDatabase(database)
    const tenants = companies.map(({ tenant }) => tenant)
    const idsFrom = async (source: string) => {
      const { rows } = await client.query<{ id: string }>(`${source} where tenant = any($1)`, [tenants])
      return rows.map(({ id }) => id).sort()
    }
    const kept = await idsFrom('select id from import')
    const audited = await idsFrom('select object_id as id from audit')
    await close()
    expect(kept).toEqual(ids.toSorted())
    expect(audited).toEqual(ids.toSorted())
    measured('commands while pods were killed', given.once)
    measured('times that the client had to ask again', given.again)
  })
})
