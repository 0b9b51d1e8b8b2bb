import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { callerOf, scopeOf } from './call.ts'
import { type Access, contract, query } from './contract.ts'
import { migrations } from './fixtures/counter/app.ts'
import { DomainError, refusals } from './problem.ts'
import { createApp, transactional } from './server.ts'
import { callerHeaders, post, type TestDatabase, testDatabase } from './testing.ts'
import type { Tx } from './tx.ts'

const tenant = randomUUIDv7()
const employee = randomUUIDv7()
const json = { 'content-type': 'application/json' }
const users = callerHeaders({ tenant })
const jobs = callerHeaders({ tenant, account: 'job:lifecycle', roles: [] })

describe('who may call', () => {
  const who = (access: readonly Access[]) =>
    query({
      summary: 'Tells who calls',
      deadline: 1000,
      input: z.strictObject({}),
      output: z.object({ account: z.string() }),
      access,
    })
  const desk = contract({
    service: 'desk',
    layer: 'data',
    problems: {},
    operations: {
      user: who(['user']),
      job: who(['job']),
      both: who(['user', 'job']),
      service: who(['service']),
    },
  })
  const tell = async (_: unknown, call: Parameters<typeof callerOf>[0]) => ({
    account: call.caller?.account ?? 'nobody',
  })
  const app = createApp(desk, { user: tell, job: tell, both: tell, service: tell })

  it.each<[keyof typeof desk.operations, string, Record<string, string>, number]>([
    ['user', 'a user', users, 200],
    ['user', 'a job', jobs, 403],
    ['user', 'nobody', {}, 401],
    ['job', 'a user', users, 403],
    ['job', 'a job', jobs, 200],
    ['job', 'nobody', {}, 401],
    ['both', 'a user', users, 200],
    ['both', 'a job', jobs, 200],
    ['both', 'nobody', {}, 401],
    ['service', 'nobody', {}, 200],
    // A declared caller may ask in the course of a user's request.
    ['service', 'a user', users, 200],
    ['service', 'a job', jobs, 200],
  ])('%s operation, %s', async (name, _, headers, status) => {
    const response = await app.request(`/${name}`, {
      method: 'POST',
      headers: { ...json, ...headers },
      body: '{}',
    })
    expect(response.status).toBe(status)
  })

  it('is told by headers that nobody else can have set: half of them are none', async () => {
    const headers = { ...json, 'x-staffmesh-tenant': tenant }
    expect((await app.request('/user', { method: 'POST', headers, body: '{}' })).status).toBe(401)
  })

  it('has a caller or a scope only where the operation demands one', () => {
    const call = { service: 's', operation: 'o' } as Parameters<typeof callerOf>[0]
    expect(() => callerOf(call)).toThrow(new DomainError('unauthenticated'))
    expect(() => scopeOf(call)).toThrow(new DomainError('forbidden'))
  })
})

describe('a resource', () => {
  let answer: () => unknown
  const shop = contract({
    service: 'shop',
    layer: 'application',
    problems: {
      'sold-out': { status: 409, title: 'There is none left' },
      closed: { status: 409, title: 'The shop is closed' },
    },
    operations: {
      buy: query({
        summary: 'Buys',
        deadline: 1000,
        route: { method: 'POST', path: '/v1/things/{id}', status: 201 },
        roles: { 'hr-admin': 'all', manager: 'reports' },
        input: z.strictObject({ id: z.string() }),
        output: z.object({ version: z.int(), who: z.looseObject({}).optional() }),
        errors: ['sold-out'],
      }),
    },
  })
  const app = createApp(shop, {
    buy: async (_, call) => (answer() ?? { version: 3, who: scopeOf(call) }) as never,
  })
  const buy = async (headers: Record<string, string> = users) => {
    const response = await app.request('/v1/things/1', {
      method: 'POST',
      headers: { ...json, ...headers },
      body: '{}',
    })
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    }
  }

  it.each([
    [['hr-admin:all'], 201, { reach: 'all' }],
    [['manager:reports'], 201, { reach: 'reports', employeeId: employee }],
    [['employee:self'], 403, undefined],
    [[], 403, undefined],
  ] as const)('gives %j its scope', async (roles, status, who) => {
    answer = () => undefined
    const told = await buy(callerHeaders({ tenant, employee, roles }))
    expect(told.status).toBe(status)
    expect(told.body.who).toEqual(who)
  })

  it('has an ETag, the status of its route and a request id, the own or the given one', async () => {
    answer = () => ({ version: 7 })
    const { status, headers } = await buy()
    expect(status).toBe(201)
    expect(headers.get('etag')).toBe('"7"')
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    expect((await buy({ ...users, 'x-request-id': 'mine' })).headers.get('x-request-id')).toBe('mine')
  })

  it('shows nothing that the contract does not name', async () => {
    answer = () => ({ version: 1, salary: 100 })
    expect((await buy()).body).toEqual({ version: 1 })
  })

  const refuse = refusals(shop.problems)
  it.each<[string, () => unknown, object]>([
    [
      'declared problem',
      () => {
        throw refuse('sold-out', { detail: 'Come back', pointer: '/id' })
      },
      {
        type: 'https://staffmesh.dev/problems/sold-out',
        title: 'There is none left',
        status: 409,
        detail: 'Come back',
        pointer: '/id',
      },
    ],
    [
      'problem of the kit',
      () => {
        throw refuse('version-conflict')
      },
      {
        type: 'https://staffmesh.dev/problems/version-conflict',
        title: 'The object has changed since it was read',
        status: 412,
      },
    ],
    ...(
      [
        [
          'problem that the operation does not declare',
          () => {
            throw refuse('closed', { detail: 'secret' })
          },
        ],
        [
          'problem that nobody declares',
          () => {
            throw new DomainError('never-heard-of', { detail: 'secret' })
          },
        ],
        [
          'error',
          () => {
            throw new Error('secret')
          },
        ],
        [
          'thing that is no error',
          () => {
            throw 'secret'
          },
        ],
        ['answer that breaks the contract', () => ({ version: 'secret' })],
      ] as [string, () => unknown][]
    ).map(([name, work]): [string, () => unknown, object] => [
      name,
      work,
      {
        type: 'https://staffmesh.dev/problems/internal',
        title: 'Something went wrong on our side',
        status: 500,
      },
    ]),
  ])('answers a %s', async (_, work, problem) => {
    answer = work
    const { status, body, headers } = await buy()
    expect(body).toEqual(problem)
    expect(status).toBe(body.status)
    expect(headers.get('content-type')).toBe('application/problem+json')
  })
})

describe('an operation of a data service', () => {
  let db: TestDatabase
  beforeAll(async () => {
    db = await testDatabase({ service: 'counter', migrations })
  })
  afterAll(() => db.close())

  const store = contract({
    service: 'store',
    layer: 'data',
    problems: {},
    operations: {
      look: query({
        summary: 'Looks',
        deadline: 1000,
        input: z.strictObject({
          scope: z.object({ reach: z.enum(['self', 'all']), employeeId: z.string().optional() }).optional(),
        }),
        output: z.object({ tenant: z.string() }),
      }),
    },
  })
  const appWith = (look: (tx: Tx) => Promise<unknown>) =>
    createApp(
      store,
      transactional(store, db.database, {
        async look(_, tx) {
          await look(tx)
          return { tenant: tx.tenant }
        },
      }),
    )

  it('reads in a transaction that cannot write', async () => {
    const app = appWith((tx) =>
      tx.query(`insert into counter (tenant, id, name) values ($1, $1, 'x')`, [tx.tenant]),
    )
    expect(await post(app, 'look', {}, { tenant })).toMatchObject({ status: 500 })
    expect(await db.sudo('select 1 from counter')).toEqual([])
  })

  it('takes no scope that is wider than the token', async () => {
    let looked = 0
    const app = appWith(async () => looked++)
    const caller = { tenant, employee, roles: ['employee:self'] as const }
    expect(await post(app, 'look', { scope: { reach: 'all' } }, caller)).toMatchObject({ status: 403 })
    expect(await post(app, 'look', { scope: { reach: 'self', employeeId: tenant } }, caller)).toMatchObject({
      status: 403,
    })
    expect(looked).toBe(0)
    expect(await post(app, 'look', { scope: { reach: 'self', employeeId: employee } }, caller)).toMatchObject(
      {
        status: 200,
        body: { tenant },
      },
    )
  })

  it('fails as a whole when a statement failed, also where the handler went on', async () => {
    const app = appWith((tx) => tx.query('select 1/0').catch(() => {}))
    expect(await post(app, 'look', {}, { tenant })).toMatchObject({ status: 500 })
  })
})
