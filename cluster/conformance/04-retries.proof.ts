import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { calleesOf, type Edge, edge, graphOf } from '../../mesh/graph.ts'
import { behaviourOf } from '../../mesh/traffic.ts'
import { directoryContract } from '../../services/directory/contract.ts'
import { services } from '../../services/index.ts'
import { workforceContract } from '../../services/workforce/contract.ts'
import { ask } from './harness/ask.ts'
import { type Company, newCompany } from './harness/company.ts'
import { openDatabase } from './harness/database.ts'
import { eventually } from './harness/eventually.ts'
import { addReplicas, type Fault, type Replica, removeReplicas, setOwnAside } from './harness/faults.ts'
import { startLoad } from './harness/load.ts'
import { upstreamsOf } from './harness/proxies.ts'
import { measured } from './harness/report.ts'
import { askFrom, type PodRequest } from './harness/requests.ts'
import { sign, signingKeys } from './harness/tokens.ts'
import { addressOf, newRequestId, podOf, podsOf } from './harness/workloads.ts'

const graph = graphOf(services)
const [key] = await signingKeys()
const { listPositions, hireEmployee } = workforceContract.operations

/** What may not be tried again: always, or without an idempotency key. */
const guarded = graph.edges.filter((call) => behaviourOf(call).retried !== 'always')

const callees = [...new Set(['directory', 'workforce', ...guarded.map(({ callee }) => callee)])]

let company: Company
/** All replicas of each service that is called, the service's own being out of the way. */
const added = new Map<string, Replica[]>()
const replicasOf = (service: string) => added.get(service)!

beforeAll(async () => {
  company = await newCompany()
  await Promise.all(
    callees.map(async (service) => {
      added.set(service, await addReplicas(service, service === 'directory' ? 2 : 1))
      await setOwnAside(service)
    }),
  )
  await eventually('All callers know these replicas and no others', async () => {
    for (const caller of [edge, ...graph.services.map(({ name }) => name)])
      for (const pod of await podsOf(caller))
        for (const callee of calleesOf(graph, caller)) {
          const known = (await upstreamsOf(pod, callee)).map(({ address }) => address).sort()
          expect(known, `${callee} from ${pod.name}`).toEqual(
            replicasOf(callee)
              .map(({ address }) => address)
              .sort(),
          )
        }
  })
})

afterAll(() => Promise.all(callees.map(removeReplicas)))

const hire = (employeeNumber: string) => ({
  person: { givenName: 'Grace', familyName: 'Hopper' },
  employeeNumber,
  joinsOn: '2024-01-01',
  terms: { timeZone: 'America/New_York' },
})

/** Requests whose id begins like this that reached these replicas. */
const arrivedAt = async (replicas: readonly Replica[], id: string) =>
  (await Promise.all(replicas.map((replica) => replica.arrivals())))
    .flat()
    .filter(({ requestId }) => requestId.startsWith(id))

describe('4. one of two replicas', () => {
  /** Later than a try may take, and before the deadline: the service sees it when the second try has been answered. */
  const late = (operation: 'listPositions' | 'hireEmployee') =>
    directoryContract.operations[operation].deadline * 0.75
  const harms: [string, (operation: 'listPositions' | 'hireEmployee') => Pick<Fault, 'how' | 'ms'>][] = [
    ['answers 503', () => ({ how: 'answer' })],
    ['breaks off before it has done anything', () => ({ how: 'reset' })],
    ['is slow', (operation) => ({ how: 'wait', ms: late(operation) })],
    ['commits and then breaks off', () => ({ how: 'cut' })],
  ]

  it.each(harms)(
    '%s: callers see success within the deadline, and each command is done once',
    async (what, harm) => {
      const id = randomUUID()
      const [bad] = replicasOf('directory')
      await bad!.fail(
        // Too few in a row for it to be left out (proof 6).
        { path: '/listPositions', ...harm('listPositions'), times: 2 },
        { path: '/hireEmployee', ...harm('hireEmployee'), times: 2 },
      )
      const numbers = Array.from({ length: 12 }, (_, index) => `${id}-${index}`)
      const slowest = { query: 0, command: 0 }
      for (const number of numbers) {
        const read = await ask(company, 'listPositions', { requestId: number })
        expect(read.status).toBe(200)
        const hired = await ask(company, 'hireEmployee', {
          body: hire(number),
          requestId: number,
          idempotencyKey: number,
        })
        expect(hired.status).toBe(201)
        slowest.query = Math.max(slowest.query, read.ms)
        slowest.command = Math.max(slowest.command, hired.ms)
      }
      expect(slowest.query).toBeLessThan(listPositions.deadline)
      expect(slowest.command).toBeLessThan(hireEmployee.deadline)

      const tries = await arrivedAt(replicasOf('directory'), id)
      const retried = tries.length - 2 * numbers.length
      expect(retried, 'requests that were harmed and tried again').toBeGreaterThanOrEqual(4)
      measured(`${what}: tried again, of ${2 * numbers.length} calls`, retried)
      measured(`${what}: slowest query, ms`, Math.round(slowest.query))
      measured(`${what}: slowest command, ms`, Math.round(slowest.command))

      const database = await openDatabase('directory')
      try {
        const { rows } = await database.client.query(
          `select number,
           (select count(*)::int from idempotency i where i.tenant = e.tenant and i.response::json ->> 'id' = e.id::text) as commands,
           (select count(*)::int from audit a where a.tenant = e.tenant and a.object_id = e.id::text) as entries,
           (select count(*)::int from event v where v.tenant = e.tenant and v.aggregate_id = e.id::text) as events
         from employee e where tenant = $1 and number like $2 order by number`,
          [company.tenant, `${id}-%`],
        )
        expect(rows).toEqual(
          numbers.toSorted().map((number) => ({ number, commands: 1, entries: 1, events: 1 })),
        )
      } finally {
        await database.close()
      }
    },
  )
})

describe('4. in an outage of all replicas', () => {
  it('there are at most 1.2 attempts a call on each hop, at 50 requests a second or more', async () => {
    const id = randomUUID()
    const perSecond = 60
    const calls = 300
    await Promise.all(
      replicasOf('directory').map((replica) => replica.fail({ path: '/listPositions', how: 'answer' })),
    )
    await Promise.all(replicasOf('workforce').map((replica) => replica.fail()))
    const statuses: number[] = []
    let sent = 0
    const start = performance.now()
    const load = startLoad(
      [
        {
          name: 'a query',
          async send() {
            const { status } = await ask(company, 'listPositions', { requestId: `${id}-${sent++}` })
            statuses.push(status)
          },
        },
      ],
      perSecond,
    )
    await eventually(`${calls} queries are sent`, async () => expect(sent).toBeGreaterThanOrEqual(calls))
    const rate = (sent / (performance.now() - start)) * 1000
    await load.stop()
    expect(new Set(statuses).difference(new Set([503, 504]))).toEqual(new Set())

    const first = (await arrivedAt(replicasOf('workforce'), id)).length
    const second = (await arrivedAt(replicasOf('directory'), id)).length
    measured('calls a second', Math.round(rate))
    measured('attempts a call, edge to workforce', (first / sent).toFixed(2))
    measured('attempts a call, workforce to directory', (second / first).toFixed(2))
    measured('attempts a call, product over both hops', (second / sent).toFixed(2))
    expect(rate).toBeGreaterThanOrEqual(50)
    expect(first / sent).toBeLessThanOrEqual(1.2)
    expect(second / first).toBeLessThanOrEqual(1.2)
    await Promise.all(replicasOf('directory').map((replica) => replica.fail()))
  })
})

describe('4. what a second try could double', () => {
  /** Whatever its answer would be, its caller is told 503, which would be tried again. */
  const refuse: Fault = { path: '(?!/livez|/readyz|/startupz).*', how: 'answer' }
  const byCaller = Map.groupBy(guarded, ({ caller }) => caller)

  async function requestOf(call: Edge, idempotencyKey?: string): Promise<PodRequest & { id: string }> {
    const id = newRequestId()
    return {
      id,
      method: call.method,
      url: addressOf(call.callee) + call.path.replaceAll(/\{\w+\}/g, () => randomUUID()),
      headers: {
        'x-request-id': id,
        // Each of another tenant, so that no limit is met.
        ...(call.access.includes('user') ? { authorization: `Bearer ${await sign(key!)}` } : {}),
        ...(idempotencyKey ? { 'idempotency-key': idempotencyKey } : {}),
      },
    }
  }

  it.each([...byCaller])('is not tried again: %s sends it once', async (caller, calls) => {
    const pod = await podOf(caller)
    const requests = await Promise.all(calls.map((call) => requestOf(call)))
    const keyed = await Promise.all(
      calls
        .filter((call) => behaviourOf(call).retried === 'with-idempotency-key')
        .map((call) => requestOf(call, randomUUID())),
    )
    const replicas = [...new Set(calls.map(({ callee }) => callee))].flatMap(replicasOf)
    await Promise.all(replicas.map((replica) => replica.fail(refuse)))
    const answers = await askFrom(pod, [...requests, ...keyed])
    const arrivals = (await Promise.all(replicas.map((replica) => replica.arrivals()))).flat()
    await Promise.all(replicas.map((replica) => replica.fail()))

    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503))
    const attempts = ({ id }: { id: string }) => arrivals.filter(({ requestId }) => requestId === id).length
    expect(
      Object.fromEntries(
        calls.map((call, index) => [`${call.callee} ${call.operation}`, attempts(requests[index]!)]),
      ),
    ).toEqual(Object.fromEntries(calls.map((call) => [`${call.callee} ${call.operation}`, 1])))
    measured(`${caller}: operations sent once`, calls.length)
    if (keyed.length === 0) return
    const withKey = keyed.reduce((sum, request) => sum + attempts(request), 0)
    measured(`${caller}: attempts a call with a key`, (withKey / keyed.length).toFixed(2))
    expect(withKey, 'with a key some are tried again').toBeGreaterThan(keyed.length)
  })
})
