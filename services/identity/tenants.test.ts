import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { feedPage } from '#kit/events.ts'
import { type Applied, problem, startOperations, type Tenant } from './fixtures/operations.ts'
import { publicKeys } from './keys.ts'

let identity: Awaited<ReturnType<typeof startOperations>>
beforeAll(async () => {
  identity = await startOperations()
})
afterAll(() => identity.db.close())

describe('a tenant', () => {
  it('is created by operators, once a short name, with an administrator', async () => {
    const { tenant, admin, asAdmin } = await identity.createCompany('globex')
    expect(tenant).toMatchObject({ slug: 'globex', status: 'active', version: 1 })
    expect(admin).toMatchObject({
      email: 'admin@globex.example',
      status: 'invited',
      roles: [{ role: 'hr-admin', reach: 'all' }],
    })
    const input = {
      slug: 'globex',
      companyName: 'Other',
      firstAdmin: { email: 'a@b.example', displayName: 'A' },
    }
    expect(await identity.call('createTenant', input, identity.operator)).toMatchObject({
      status: 409,
      body: { type: problem('tenant-slug-taken') },
    })
    expect(await identity.call('createTenant', { ...input, slug: 'mine' }, asAdmin)).toMatchObject({
      status: 403,
    })
  })

  it('is created once for two at once', async () => {
    const input = {
      slug: 'race',
      companyName: 'Race',
      firstAdmin: { email: 'a@b.example', displayName: 'A' },
    }
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => identity.call('createTenant', input, identity.operator)),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409])
  })

  it('tells in the feed, as an event of its own tenant', async () => {
    const { tenant } = await identity.createCompany('feeding')
    const { events } = feedPage.parse(await (await identity.app.request('/events?limit=1000')).json())
    expect(events.filter((event) => event.tenant === tenant.id)).toMatchObject([
      { kind: 'tenant-created', aggregateId: tenant.id },
      { kind: 'account-provisioned' },
    ])
  })

  it('is suspended and resumed by operators, or by background work of its own', async () => {
    const { tenant, asAdmin, asJob } = await identity.createCompany('massive')
    const other = await identity.createCompany('dynamic')
    const input = { id: tenant.id, reason: 'unpaid' }
    for (const caller of [asAdmin, other.asJob])
      expect(await identity.call('suspendTenant', input, caller)).toMatchObject({ status: 403 })
    const suspended = await identity.ok<Tenant>('suspendTenant', input, asJob)
    expect(suspended).toMatchObject({ status: 'suspended', version: 2 })
    expect(await identity.ok('suspendTenant', input, asJob)).toEqual(suspended)
    expect(await identity.ok('resumeTenant', { id: tenant.id }, identity.operator)).toMatchObject({
      status: 'active',
    })
  })

  it('is deleted with all its accounts; a tombstone stays and the short name is free', async () => {
    const { tenant, asJob } = await identity.createCompany('doomed')
    const deleted = await identity.ok<Tenant>('deleteTenant', { id: tenant.id }, asJob)
    expect(deleted).toMatchObject({ id: tenant.id, status: 'deleted', companyName: '' })
    expect(await identity.ok('deleteTenant', { id: tenant.id }, asJob)).toEqual(deleted)
    for (const table of ['account', 'role_assignment', 'account_tenant', 'invitation'])
      expect(await identity.db.sudo(`select 1 from ${table} where tenant = $1`, [tenant.id])).toEqual([])
    expect(
      await identity.db.sudo(`select 1 from audit_value t where t::text like '%doomed.example%'`),
    ).toEqual([])
    expect(await identity.call('resumeTenant', { id: tenant.id }, identity.operator)).toMatchObject({
      status: 409,
      body: { type: problem('tenant-deleted') },
    })
    expect((await identity.createCompany('doomed')).tenant.id).not.toBe(tenant.id)
  })

  it('is read by its own people and by operators', async () => {
    const { tenant, asAdmin } = await identity.createCompany('readable')
    const other = await identity.createCompany('curious')
    expect(await identity.ok('getTenant', { id: tenant.id }, asAdmin)).toEqual(tenant)
    expect(await identity.ok('getTenant', { id: tenant.id }, identity.operator)).toEqual(tenant)
    expect(await identity.call('getTenant', { id: tenant.id }, other.asAdmin)).toMatchObject({ status: 403 })
  })
})

describe('a job token', () => {
  const issue = async (tenant: string) => {
    const response = await identity.app.request('/issueJobToken', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ tenant }),
    })
    return { status: response.status, body: (await response.json()) as { token: string; expiresAt: string } }
  }

  it('is for one tenant, short-lived, with an audience of its own', async () => {
    const { tenant } = await identity.createCompany('busy')
    const { body } = await issue(tenant.id)
    const { payload } = await jwtVerify(
      body.token,
      createLocalJWKSet(publicKeys(identity.config.signingKeys)),
      {
        issuer: identity.config.issuer,
        audience: 'staffmesh-jobs',
        typ: 'at+jwt',
      },
    )
    expect(payload).toMatchObject({ sub: 'job:lifecycle', azp: 'job:lifecycle', tid: tenant.id, roles: [] })
    expect(new Date(decodeJwt(body.token).exp! * 1000).toISOString()).toBe(body.expiresAt)
    expect(payload.exp! - payload.iat!).toBe(300)
  })

  it('is refused for an unknown tenant', async () => {
    expect(await issue('00000000-0000-7000-8000-00000000dead')).toMatchObject({ status: 404 })
  })
})

describe('a company', () => {
  it('never sees the rows of another, nor any without a tenant', async () => {
    const [a, b] = [await identity.createCompany('one'), await identity.createCompany('two')]
    const { account } = await identity.ok<Applied>(
      'provisionAccount',
      { email: 'someone@one.example', roles: [] },
      a.asJob,
    )
    const input = { accountId: account.id, reason: 'no' }
    expect(await identity.call('disableAccount', input, b.asJob)).toMatchObject({ status: 404 })
    expect(await identity.db.database.pool.query('select 1 from account')).toMatchObject({ rows: [] })
  })
})
