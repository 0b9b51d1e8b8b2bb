import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directoryContract } from '../../services/directory/contract.ts'
import { deadlineHeader } from '../../services/kit/call.ts'
import { routeOf } from '../../services/kit/contract.ts'
import { problemBase } from '../../services/kit/problem.ts'
import { workforceContract } from '../../services/workforce/contract.ts'
import { type Answer, ask } from './harness/ask.ts'
import { type Company, newCompany } from './harness/company.ts'
import { openDatabase } from './harness/database.ts'
import { eventually } from './harness/eventually.ts'
import { measured } from './harness/report.ts'
import { evaluateIn } from './harness/requests.ts'
import { addressOf, podOf } from './harness/workloads.ts'

/** Milliseconds by which an answer may come later than its deadline, on a machine that has other things to do. */
const slack = 500

let company: Company
let holder: Awaited<ReturnType<typeof openDatabase>>
let watcher: Awaited<ReturnType<typeof openDatabase>>

beforeAll(async () => {
  ;[company, holder, watcher] = await Promise.all([
    newCompany(),
    openDatabase('directory'),
    openDatabase('directory'),
  ])
})

afterAll(() => Promise.all([holder.close(), watcher.close()]))

/** While `work` runs, whatever needs positions waits in the database. */
async function withoutPositions<T>(work: () => Promise<T>): Promise<T> {
  await holder.client.query('begin; lock table position in access exclusive mode')
  try {
    return await work()
  } finally {
    await holder.client.query('rollback')
  }
}

/** Statements of the service that wait for the lock. */
async function waiting(): Promise<number> {
  const { rows } = await watcher.client.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
     where datname = 'directory' and wait_event_type = 'Lock' and state = 'active'`,
  )
  return rows[0]!.count
}

/** Asks while nothing can be answered. Tells the answer, and how long after it the database was at rest. */
async function askInVain(send: () => Promise<Answer>): Promise<Answer & { atRest: number }> {
  return withoutPositions(async () => {
    const asked = send()
    await eventually('A statement waits in the database', async () =>
      expect(await waiting()).toBeGreaterThan(0),
    )
    const answer = await asked
    const start = performance.now()
    await eventually('No statement waits any more', async () => expect(await waiting()).toBe(0), 5)
    return { ...answer, atRest: performance.now() - start }
  })
}

const problemOf = ({ status, type, body }: Pick<Answer, 'status' | 'type' | 'body'>) => ({
  status,
  type,
  problem: type?.startsWith('application/problem+json') ? JSON.parse(body).type : body,
})

const tooLate = {
  status: 504,
  type: expect.stringContaining('application/problem+json'),
  problem: `${problemBase}deadline-exceeded`,
}

describe('5. a callee that does not answer in time', () => {
  it('fails a query at its deadline, with a problem, and nothing is left running in the database', async () => {
    const { deadline } = workforceContract.operations.listPositions
    const answer = await askInVain(() => ask(company, 'listPositions'))
    measured(`query with a deadline of ${deadline} ms: answered after, ms`, Math.round(answer.ms))
    measured('statements gone after the answer, ms', Math.round(answer.atRest))
    expect(problemOf(answer)).toEqual(tooLate)
    expect(answer.ms).toBeGreaterThan(deadline / 2)
    expect(answer.ms).toBeLessThan(deadline + slack)
  })

  it('fails a command at its deadline and does nothing later; asked again with its key it is done once', async () => {
    const { deadline } = workforceContract.operations.createPosition
    const key = randomUUID()
    const create = () =>
      ask(company, 'createPosition', { body: { code: key, title: 'Lens grinder' }, idempotencyKey: key })
    const answer = await askInVain(create)
    measured(`command with a deadline of ${deadline} ms: answered after, ms`, Math.round(answer.ms))
    measured('statements gone after the answer, ms', Math.round(answer.atRest))
    expect(problemOf(answer)).toEqual(tooLate)
    expect(answer.ms).toBeLessThan(deadline + slack)

    const made = async () =>
      (await watcher.client.query('select 1 from position where tenant = $1', [company.tenant])).rowCount
    expect(await made()).toBe(0)
    expect((await create()).status).toBe(201)
    expect(await made()).toBe(1)
  })

  it('is told until when its caller waits and gives up then, though its own deadline is later', async () => {
    const { listPositions } = directoryContract.operations
    const patience = listPositions.deadline / 5
    const pod = await podOf('workforce')
    const request = { ...routeOf('listPositions', listPositions), token: await company.token(), patience }
    const answer = await askInVain(
      async () => JSON.parse(await evaluateIn(pod, impatient, JSON.stringify(request))) as Answer,
    )
    measured(`caller who waits for ${patience} ms: answered after, ms`, Math.round(answer.ms))
    expect(problemOf(answer)).toEqual(tooLate)
    expect(answer.ms).toBeLessThan(patience + slack)
  })
})

/** Runs in a pod: a query that says until when its answer is of use. */
const impatient = `
let text = ''
for await (const chunk of process.stdin) text += chunk
const { method, path, token, patience } = JSON.parse(text)
const start = performance.now()
const response = await fetch('${addressOf('directory')}' + path, {
  method,
  headers: {
    authorization: 'Bearer ' + token,
    'content-type': 'application/json',
    '${deadlineHeader}': String(Date.now() + patience),
  },
  body: JSON.stringify({ scope: { reach: 'all' } }),
})
const body = await response.text()
const { status, headers } = response
console.log(JSON.stringify({ status, type: headers.get('content-type'), body, ms: performance.now() - start }))
`
