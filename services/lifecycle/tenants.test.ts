import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { book } from '../leave/fixtures/booked.ts'
import { hrOf, type Lifecycle, newHire, operator, startLifecycle } from './fixtures/company.ts'

let lifecycle: Lifecycle
let tenant: string
beforeAll(async () => {
  lifecycle = await startLifecycle()
})
afterAll(() => lifecycle.close())
beforeEach(async () => {
  lifecycle.setAhead(0)
  tenant = await lifecycle.newTenant()
})

const request = (method: string, path: string, body?: object, headers?: Record<string, string>) =>
  lifecycle.request(method, `/v1/tenants${path}`, operator, body, headers)
const hire = async () => (await lifecycle.directory(tenant, 'hireEmployee', newHire())).id
const countIn = async (database: 'directoryDb' | 'identityDb' | 'leaveDb', table: string, of = tenant) => {
  const [row] = await lifecycle[database].sudo<{ n: number }>(
    `select count(*)::int as n from ${table} where tenant = $1`,
    [of],
  )
  return row!.n
}

describe('creating', () => {
  const input = () => {
    const slug = `new-${randomUUID().slice(0, 8)}`
    return {
      slug,
      companyName: 'New',
      firstAdmin: { email: `admin@${slug}.example`, displayName: 'The Administrator' },
    }
  }

  it('answers with a link for the first administrator; the same key makes a new link, no new company', async () => {
    const body = input()
    const key = { 'idempotency-key': randomUUID() }
    const first = await request('POST', '', body, key)
    expect(first).toMatchObject({
      status: 201,
      body: {
        slug: body.slug,
        status: 'active',
        firstAdmin: { invitation: { url: expect.stringMatching(/^http/) } },
      },
    })
    const again = await request('POST', '', body, key)
    const accountOf = ({ body }: typeof first) =>
      (body as { firstAdmin: { accountId: string } }).firstAdmin.accountId
    expect(again).toMatchObject({ status: 201, body: { id: (first.body as { id: string }).id } })
    expect(accountOf(again)).toBe(accountOf(first))
  })

  it('makes a new link for an administrator who has lost it, and for nobody else', async () => {
    const { body } = await request('POST', '', input())
    const { id, firstAdmin } = body as { id: string; firstAdmin: { accountId: string } }
    const { accountId } = firstAdmin
    expect(await request('POST', `/${id}/invitations`, { accountId })).toMatchObject({
      status: 201,
      body: { url: expect.stringMatching(/^http/) },
    })
    const employee = (await lifecycle.directory(id, 'hireEmployee', newHire())).id
    await lifecycle.settle()
    const account = await lifecycle.identity(id, 'getAccountByEmployee', {
      employeeId: employee,
      scope: { reach: 'all' },
    })
    const notFound = { body: { type: 'https://staffmesh.dev/problems/administrator-not-found' } }
    expect(await request('POST', `/${id}/invitations`, { accountId: account.id })).toMatchObject(notFound)
    expect(await request('POST', `/${tenant}/invitations`, { accountId })).toMatchObject(notFound)
    await lifecycle.identityDb.sudo(
      `insert into credential (tenant, account, password_hash) values ($1, $2, '$argon2id$x')`,
      [id, accountId],
    )
    expect(await request('POST', `/${id}/invitations`, { accountId })).toMatchObject(notFound)
  })

  it('refuses a short name that is taken', async () => {
    const body = input()
    await request('POST', '', body)
    expect(await request('POST', '', body)).toMatchObject({
      status: 409,
      body: { type: 'https://staffmesh.dev/problems/tenant-slug-taken' },
    })
  })
})

it('suspends and resumes', async () => {
  expect(await request('POST', `/${tenant}/suspension`, { reason: 'Unpaid' })).toMatchObject({
    status: 200,
    body: { status: 'suspended' },
  })
  expect(await request('GET', `/${tenant}`)).toMatchObject({ body: { status: 'suspended' } })
  expect(await request('DELETE', `/${tenant}/suspension`)).toMatchObject({ body: { status: 'active' } })
  expect(await request('GET', `/${randomUUID()}`)).toMatchObject({ status: 404 })
})

it('keeps operators from shutting themselves out', async () => {
  const own = { status: 409, body: { type: 'https://staffmesh.dev/problems/own-tenant' } }
  expect(await request('POST', `/${operator.tenant}/suspension`, { reason: 'Oops' })).toMatchObject(own)
  expect(await request('POST', `/${operator.tenant}/deletion`, {})).toMatchObject(own)
})

describe('an export', () => {
  const start = async () => {
    const { status, body } = await request('POST', `/${tenant}/exports`, {})
    expect(status).toBe(202)
    return (body as { exportId: string }).exportId
  }

  it('collects everything, page by page', async () => {
    const employees = await Promise.all(Array.from({ length: 3 }, hire))
    const scope = { reach: 'all' } as const
    const unit = { code: 'HQ', name: 'Headquarters', opensOn: '2020-01-01', headId: employees[0]!, scope }
    const orgUnit = await lifecycle.directory(tenant, 'createOrgUnit', unit)
    const position = await lifecycle.directory(tenant, 'createPosition', { code: 'P', title: 'Clerk', scope })
    await lifecycle.settle()
    const [employeeId, delegateId] = employees as [string, string]
    const leave = await book(lifecycle.leaveDb, { tenant, employeeId, delegateId, words: 'Sick' })
    const id = await start()
    expect(await request('GET', `/${tenant}/exports/${id}/records`)).toMatchObject({
      status: 409,
      body: { type: 'https://staffmesh.dev/problems/export-not-ready' },
    })
    await lifecycle.settle()
    expect(await request('GET', `/${tenant}/exports/${id}`)).toMatchObject({
      body: { status: 'complete', records: 13, process: { state: 'scheduled', why: 'export-expiry' } },
    })
    const records: { kind: string; data: { id: string } }[] = []
    let next: string | null = ''
    while (next !== null) {
      const path: string = `/${tenant}/exports/${id}/records${next && `?cursor=${next}`}`
      const body = (await request('GET', path)).body as { items: typeof records; next: string | null }
      records.push(...body.items)
      next = body.next
    }
    const idsOf = (kind: string) => records.filter((it) => it.kind === kind).map(({ data }) => data.id)
    expect(idsOf('org-unit')).toEqual([orgUnit.id])
    expect(records[0]).toMatchObject({
      data: { versions: [{ effectiveFrom: '2020-01-01', name: 'Headquarters' }] },
    })
    expect(idsOf('position')).toEqual([position.id])
    expect(idsOf('employee').sort()).toEqual(employees.sort())
    // three employees and the first administrator
    expect(idsOf('account')).toHaveLength(4)
    const dataOf = (kind: string) => records.filter((it) => it.kind === kind).map(({ data }) => data)
    expect(dataOf('leave-settings')).toMatchObject([{ types: [{ id: leave.type }] }])
    const ofEmployee = {
      employeeId,
      accounts: [{ id: leave.account, entries: [{ reason: 'Sick' }, {}, {}] }],
    }
    expect(dataOf('leave')).toHaveLength(3)
    expect(dataOf('leave').find((it) => 'employeeId' in it && it.employeeId === employeeId)).toMatchObject(
      ofEmployee,
    )
  })

  it('has each page once when a step is taken twice', async () => {
    await hire()
    const id = await start()
    // The step cannot be recorded, as if the worker had died before: the same step again.
    await lifecycle.db.sudo(
      `create function fail() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
       create trigger fail after insert on export_page for each row execute function fail()`,
    )
    await lifecycle.settle()
    await lifecycle.db.sudo('drop function fail cascade')
    expect(await lifecycle.processOf(tenant, id, 'tenant-export')).toMatchObject({
      attempts: 1,
      lastError: 'internal',
    })
    lifecycle.setAhead(1)
    await lifecycle.settle()
    expect(await request('GET', `/${tenant}/exports/${id}`)).toMatchObject({
      body: { status: 'complete', records: 5 },
    })
  })

  it('is kept for a week', async () => {
    const id = await start()
    await lifecycle.settle()
    lifecycle.setAhead(8)
    await lifecycle.settle()
    expect(await request('GET', `/${tenant}/exports/${id}`)).toMatchObject({ body: { status: 'expired' } })
    expect(await request('GET', `/${tenant}/exports/${id}/records`)).toMatchObject({ status: 410 })
    expect(await lifecycle.db.sudo('select 1 from export_page where tenant = $1', [tenant])).toEqual([])
  })

  it('is not found by another tenant', async () => {
    const id = await start()
    const other = await lifecycle.newTenant()
    expect(await request('GET', `/${other}/exports/${id}`)).toMatchObject({ status: 404 })
  })
})

describe('deletion', () => {
  it('suspends at once, waits the time of grace, and removes everything', async () => {
    await hire()
    await lifecycle.settle()
    expect(await request('POST', `/${tenant}/deletion`, { graceDays: 2 })).toMatchObject({
      status: 202,
      body: { kind: 'tenant-deletion', subjectId: tenant, state: 'scheduled' },
    })
    await lifecycle.settle()
    expect(await request('GET', `/${tenant}`)).toMatchObject({ body: { status: 'suspended' } })
    expect(await lifecycle.processOf(tenant, tenant, 'tenant-deletion')).toMatchObject({
      why: 'grace-period',
    })
    expect(await countIn('directoryDb', 'employee')).toBe(1)

    const bystander = await lifecycle.newTenant()
    await lifecycle.directory(bystander, 'hireEmployee', newHire())
    await lifecycle.settle()
    lifecycle.setAhead(3)
    await lifecycle.settle()
    // Who had read of an employee before may have told leave until now.
    expect(await lifecycle.processOf(tenant, tenant, 'tenant-deletion')).toMatchObject({ why: 'late-facts' })
    expect([await countIn('directoryDb', 'employee'), await countIn('leaveDb', 'employee')]).toEqual([0, 1])
    lifecycle.setAhead(4)
    await lifecycle.settle()
    expect(await request('GET', `/${tenant}`)).toMatchObject({ body: { status: 'deleted' } })
    expect(await countIn('leaveDb', 'employee')).toBe(0)
    expect(await countIn('leaveDb', 'employee', bystander)).toBe(1)
    for (const table of ['employee', 'employment', 'employee_version', 'audit_value'])
      expect([table, await countIn('directoryDb', table)]).toEqual([table, 0])
    for (const table of ['account', 'role_assignment', 'credential', 'invitation'])
      expect([table, await countIn('identityDb', table)]).toEqual([table, 0])
    expect(await lifecycle.db.sudo('select kind, state from process where tenant = $1', [tenant])).toEqual([
      { kind: 'tenant-deletion', state: 'done' },
    ])
    expect(await countIn('directoryDb', 'employee', bystander)).toBe(1)
    expect(await countIn('identityDb', 'account', bystander)).toBe(2)
    expect(await request('POST', `/${tenant}/deletion`, {})).toMatchObject({
      status: 409,
      body: { type: 'https://staffmesh.dev/problems/tenant-deleted' },
    })
  })

  it('can be called off while the time of grace runs', async () => {
    await hire()
    await request('POST', `/${tenant}/deletion`, {})
    await lifecycle.settle()
    expect(await request('DELETE', `/${tenant}/deletion`)).toMatchObject({
      status: 200,
      body: { state: 'done', why: 'cancelled' },
    })
    lifecycle.setAhead(60)
    await lifecycle.settle()
    expect(await countIn('directoryDb', 'employee')).toBe(1)
    expect(await request('DELETE', `/${tenant}/deletion`)).toMatchObject({
      status: 404,
      body: { type: 'https://staffmesh.dev/problems/deletion-not-found' },
    })
    // It may be asked for again.
    expect(await request('POST', `/${tenant}/deletion`, {})).toMatchObject({ status: 202 })
  })

  it('cannot be called off once removal has begun', async () => {
    await request('POST', `/${tenant}/deletion`, { graceDays: 0 })
    await lifecycle.db.sudo(
      `update process set progress = progress || '{"phase":"remove"}' where subject = $1`,
      [tenant],
    )
    for (const answer of [
      await request('DELETE', `/${tenant}/deletion`),
      await request('POST', `/${tenant}/deletion`, {}),
    ])
      expect(answer).toMatchObject({
        status: 409,
        body: { type: 'https://staffmesh.dev/problems/deletion-begun' },
      })
  })

  it('is not hastened by a retry', async () => {
    await hire()
    const { body } = await request('POST', `/${tenant}/deletion`, { graceDays: 2 })
    await lifecycle.settle()
    const { id } = body as { id: string }
    expect(await lifecycle.request('POST', `/v1/processes/${id}/retry`, operator, {})).toMatchObject({
      status: 202,
    })
    await lifecycle.settle()
    expect(await countIn('directoryDb', 'employee')).toBe(1)
    expect(await lifecycle.processOf(tenant, tenant, 'tenant-deletion')).toMatchObject({
      why: 'grace-period',
    })
  })
})

it('is for operators only', async () => {
  const admin = hrOf(tenant)
  const attempts = [
    [
      'POST',
      '',
      { slug: 'mine', companyName: 'Mine', firstAdmin: { email: 'a@b.example', displayName: 'A' } },
    ],
    ['GET', `/${tenant}`],
    ['POST', `/${tenant}/invitations`, { accountId: randomUUID() }],
    ['POST', `/${tenant}/suspension`, { reason: 'x' }],
    ['DELETE', `/${tenant}/suspension`],
    ['POST', `/${tenant}/exports`, {}],
    ['GET', `/${tenant}/exports/${randomUUID()}`],
    ['GET', `/${tenant}/exports/${randomUUID()}/records`],
    ['POST', `/${tenant}/deletion`, {}],
    ['DELETE', `/${tenant}/deletion`],
  ] as const
  for (const [method, path, body] of attempts)
    expect([
      method,
      path,
      (await lifecycle.request(method, `/v1/tenants${path}`, admin, body)).status,
    ]).toEqual([method, path, 403])
})
