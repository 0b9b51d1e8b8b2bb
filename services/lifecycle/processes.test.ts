import { randomUUID, randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestCaller } from '#kit/testing.ts'
import { book } from '../leave/fixtures/booked.ts'
import { dayFromNow, hrOf, type Lifecycle, newHire, operator, startLifecycle } from './fixtures/company.ts'
import type { ProcessView } from './store.ts'

const all = { reach: 'all' } as const
let lifecycle: Lifecycle
let tenant: string
beforeAll(async () => {
  lifecycle = await startLifecycle()
})
afterAll(() => lifecycle.close())
beforeEach(async () => {
  tenant = await lifecycle.newTenant()
})

const request = (method: string, path: string, caller: TestCaller = hrOf(tenant), body?: object) =>
  lifecycle.request(method, path, caller, body)
const hire = async (change: Parameters<typeof newHire>[0] = {}) =>
  (await lifecycle.directory(tenant, 'hireEmployee', newHire(change))).id
const pageOf = async (query: string, caller?: TestCaller) => {
  const { status, body } = await request('GET', `/v1/processes${query}`, caller)
  expect(status).toBe(200)
  return body as { items: ProcessView[]; next: string | null }
}

describe('the page of processes', () => {
  it('shows what waits, since when and why', async () => {
    const employee = await hire({ email: null })
    await hire()
    await lifecycle.settle()
    const { items } = await pageOf('?state=waiting')
    expect(items).toMatchObject([
      { kind: 'account', subjectId: employee, tenantId: tenant, state: 'waiting', why: 'email-missing' },
    ])
    expect(Date.now() - Date.parse(items[0]!.since)).toBeLessThan(60_000)
    expect((await pageOf('?kind=erasure')).items).toEqual([])
  })

  it('shows an administrator his own company, and an operator all', async () => {
    await hire()
    await lifecycle.settle()
    const other = await lifecycle.newTenant()
    expect((await pageOf('')).items).toHaveLength(2)
    expect((await pageOf('', hrOf(other))).items).toEqual([])
    // Naming another company does not help.
    expect((await pageOf(`?tenantId=${tenant}`, hrOf(other))).items).toEqual([])
    expect((await pageOf(`?tenantId=${tenant}`, operator)).items).toHaveLength(2)
    const [{ id }] = (await pageOf('')).items as [ProcessView, ProcessView]
    expect(await request('GET', `/v1/processes/${id}`, hrOf(other))).toMatchObject({ status: 404 })
    expect(await request('POST', `/v1/processes/${id}/retry`, hrOf(other), {})).toMatchObject({ status: 404 })
    expect(await request('GET', `/v1/processes/${id}`, operator)).toMatchObject({ body: { id } })
  })

  it('is read in pieces', async () => {
    for (let i = 0; i < 5; i++) await hire()
    await lifecycle.settle()
    const seen: string[] = []
    let next: string | null = ''
    while (next !== null) {
      const page: { items: ProcessView[]; next: string | null } = await pageOf(
        `?limit=2${next && `&cursor=${next}`}`,
      )
      expect(page.items.length).toBeLessThanOrEqual(2)
      seen.push(...page.items.map(({ id }) => id))
      next = page.next
    }
    expect(new Set(seen)).toHaveLength(10)
    expect(seen).toHaveLength(10)
    expect(await request('GET', '/v1/processes?cursor=x')).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/cursor' }] },
    })
  })

  it('is not for managers and employees', async () => {
    for (const roles of [['manager:reports'], ['employee:self']] as const) {
      const caller = { tenant, employee: randomUUID(), roles }
      expect(await request('GET', '/v1/processes', caller)).toMatchObject({ status: 403 })
      expect(await request('POST', '/v1/erasures', caller, { employeeId: randomUUID() })).toMatchObject({
        status: 403,
      })
    }
  })
})

describe('a retry', () => {
  it('sets going what is stuck', async () => {
    const first = await hire({ email: 'same@example.com' })
    await lifecycle.settle()
    const second = await hire({ email: 'same@example.com' })
    await lifecycle.settle()
    const stuck = await lifecycle.processOf(tenant, second)
    expect(stuck).toMatchObject({ state: 'stuck', why: 'email-taken' })
    // The cause goes without any event about the second.
    await lifecycle.identity(tenant, 'provisionAccount', {
      employeeId: first,
      email: 'moved@example.com',
      roles: [{ role: 'employee', reach: 'self' }],
    })
    expect(await request('POST', `/v1/processes/${stuck.id}/retry`, hrOf(tenant), {})).toMatchObject({
      status: 202,
      body: { state: 'scheduled', why: 'email-taken' },
    })
    await lifecycle.settle()
    expect(await lifecycle.processOf(tenant, second)).toMatchObject({ state: 'done', lastError: null })
    expect(await request('POST', `/v1/processes/${stuck.id}/retry`, hrOf(tenant), {})).toMatchObject({
      status: 409,
      body: { type: 'https://staffmesh.dev/problems/process-ended' },
    })
  })

  it('needs a process', async () => {
    const path = `/v1/processes/${randomUUIDv7()}/retry`
    expect(await request('POST', path, operator, {})).toMatchObject({ status: 404 })
  })
})

describe('erasure', () => {
  const pagesWith = async (text: string) =>
    (await lifecycle.db.sudo(`select 1 from export_page where records::text like '%' || $1 || '%'`, [text]))
      .length
  const leave = (employeeId: string, expectedVersion: number) =>
    lifecycle.directory(tenant, 'terminateEmployee', {
      employeeId,
      expectedVersion,
      leavesOn: dayFromNow(-3),
      reason: 'Moves on',
      scope: all,
    })

  it('goes through all contexts, once', async () => {
    const employeeId = await hire({ email: 'forget.me@example.com' })
    const delegateId = await hire()
    await lifecycle.settle()
    await book(lifecycle.leaveDb, { tenant, employeeId, delegateId, words: 'Forget.me in leave' })
    await leave(employeeId, 1)
    await lifecycle.settle()
    // One export is complete, another under way: the person is in both.
    const started = async () => {
      const answer = await request('POST', `/v1/tenants/${tenant}/exports`, operator, {})
      return (answer.body as { exportId: string }).exportId
    }
    const exports = [await started()]
    await lifecycle.settle()
    exports.push(await started())
    // Org units, positions, employees: each a step.
    for (let i = 0; i < 3; i++) await lifecycle.step()
    // Of the complete one: employees, accounts, leave.
    expect(await pagesWith(employeeId)).toBe(4)

    const begun = await request('POST', '/v1/erasures', hrOf(tenant), { employeeId })
    expect(begun).toMatchObject({ status: 202, body: { kind: 'erasure', subjectId: employeeId } })
    await lifecycle.settle()
    const { id } = begun.body as ProcessView
    expect(await request('GET', `/v1/processes/${id}`)).toMatchObject({ body: { state: 'done', why: null } })

    const employee = await lifecycle.directory(tenant, 'getEmployee', { employeeId, scope: all })
    expect(employee.person).toMatchObject({ email: null, birthDate: null, phone: null })
    const account = await lifecycle.identity(tenant, 'getAccountByEmployee', { employeeId, scope: all })
    expect(account).toMatchObject({ status: 'erased', email: null })
    for (const db of [lifecycle.directoryDb, lifecycle.identityDb, lifecycle.leaveDb, lifecycle.db]) {
      const tables = await db.sudo<{ name: string }>(
        `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind = 'r' and n.nspname = 'public'`,
      )
      for (const { name } of tables) {
        // Stored answers go by themselves after a day.
        if (name === 'idempotency') continue
        const rows = await db.sudo(`select 1 from ${name} t where t::text ilike '%forget.me%'`)
        expect([name, rows.length]).toEqual([name, 0])
      }
    }

    for (const id of exports)
      expect(await request('GET', `/v1/tenants/${tenant}/exports/${id}`, operator)).toMatchObject({
        body: { status: 'complete' },
      })

    // Asked for again, it finds nothing left to do.
    expect(await request('POST', '/v1/erasures', hrOf(tenant), { employeeId })).toMatchObject({
      status: 202,
      body: { id },
    })
    await lifecycle.settle()
    expect(await request('GET', `/v1/processes/${id}`)).toMatchObject({ body: { state: 'done' } })
  })

  it('is refused for who is employed or unknown', async () => {
    const employeeId = await hire()
    expect(await request('POST', '/v1/erasures', hrOf(tenant), { employeeId })).toMatchObject({
      status: 409,
      body: { type: 'https://staffmesh.dev/problems/still-employed' },
    })
    const unknown = { employeeId: randomUUIDv7() }
    expect(await request('POST', '/v1/erasures', hrOf(tenant), unknown)).toMatchObject({
      status: 404,
      body: { type: 'https://staffmesh.dev/problems/employee-not-found' },
    })
    const other = await lifecycle.newTenant()
    expect(await request('POST', '/v1/erasures', hrOf(other), { employeeId })).toMatchObject({ status: 404 })
  })
})
