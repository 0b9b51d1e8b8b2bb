import { randomUUIDv7 } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { feedPage } from '#kit/events.ts'
import type { TestCaller } from '#kit/testing.ts'
import { type Account, type Applied, problem, startOperations } from './fixtures/operations.ts'

let identity: Awaited<ReturnType<typeof startOperations>>
let company: Awaited<ReturnType<Awaited<ReturnType<typeof startOperations>>['createCompany']>>
beforeAll(async () => {
  identity = await startOperations()
  company = await identity.createCompany('initech')
})
afterAll(() => identity.db.close())

const self = [{ role: 'employee', reach: 'self' }]
const person = (name: string) => ({
  employeeId: randomUUIDv7(),
  email: `${name}@initech.example`,
  displayName: name,
  roles: self,
  sourceVersion: 1,
})
const provision = (input: object) => identity.ok<Applied>('provisionAccount', input, company.asJob)
const read = (account: string) =>
  identity.ok<Account>('getAccount', { accountId: account, scope: { reach: 'all' } }, company.asAdmin)

async function eventsOf(id: string): Promise<string[]> {
  const page = feedPage.parse(await (await identity.app.request('/events?limit=1000')).json())
  return page.events.filter((event) => event.aggregateId === id).map((event) => event.kind)
}

describe('provisioning', () => {
  it('makes an account once, however often the fact comes', async () => {
    const milton = person('milton')
    const first = await provision(milton)
    expect(first).toMatchObject({
      applied: true,
      account: { employeeId: milton.employeeId, status: 'invited', roles: self, version: 2 },
    })
    expect(await provision(milton)).toEqual(first)
    expect(await eventsOf(first.account.id)).toEqual(['account-provisioned'])
  })

  it('ignores facts older than the newest', async () => {
    const bill = person('bill')
    await provision({ ...bill, sourceVersion: 5, email: 'lumbergh@initech.example' })
    const late = await provision({ ...bill, sourceVersion: 4 })
    expect(late).toMatchObject({ applied: false, account: { email: 'lumbergh@initech.example' } })
  })

  it('makes one account for two at once', async () => {
    const peter = person('peter')
    const answers = await Promise.all(Array.from({ length: 10 }, () => provision(peter)))
    expect(new Set(answers.map(({ account }) => account.id)).size).toBe(1)
    expect(await eventsOf(answers[0]!.account.id)).toHaveLength(1)
  })

  it('makes one account of an address for two employees at once', async () => {
    const [a, b] = [person('twin'), person('twin')]
    const answers = await Promise.all(
      [a, b].map((it) => identity.call('provisionAccount', it, company.asJob)),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ type: problem('email-taken') })
  })

  it('gives the administrator who was there first his employment', async () => {
    const other = await identity.createCompany('chotchkies')
    const employeeId = randomUUIDv7()
    const { account } = await identity.ok<Applied>(
      'provisionAccount',
      { employeeId, email: 'ADMIN@chotchkies.example', roles: self, sourceVersion: 1 },
      other.asJob,
    )
    expect(account).toMatchObject({
      id: other.admin.id,
      employeeId,
      roles: [self[0], { role: 'hr-admin', reach: 'all' }],
    })
  })

  it('leaves roles that people granted', async () => {
    const samir = person('samir')
    const { account } = await provision(samir)
    await identity.ok(
      'setRoles',
      { accountId: account.id, roles: [{ role: 'hr-admin', reach: 'all' }], version: account.version },
      company.asAdmin,
    )
    const manager = [...self, { role: 'manager', reach: 'reports' }]
    const again = await provision({ ...samir, roles: manager, sourceVersion: 2 })
    expect(again.account.roles).toEqual([
      { role: 'employee', reach: 'self' },
      { role: 'hr-admin', reach: 'all' },
      { role: 'manager', reach: 'reports' },
    ])
  })

  it('assigns no role that must be granted by people', async () => {
    const input = { ...person('mole'), roles: [{ role: 'hr-admin', reach: 'all' }] }
    expect(await identity.call('provisionAccount', input, company.asJob)).toMatchObject({ status: 422 })
  })
})

describe('disabling', () => {
  it('keeps out at its time and lets in again for a rehire; older facts change nothing', async () => {
    const who = person('tom')
    const { account } = await provision(who)
    const { employeeId } = who
    const disabled = await identity.ok<Applied>(
      'disableAccount',
      { employeeId, reason: 'left', sourceVersion: 3 },
      company.asJob,
    )
    expect(disabled).toMatchObject({ applied: true, account: { status: 'disabled' } })
    await identity.ok('enableAccount', { employeeId, sourceVersion: 4 }, company.asJob)
    const doubled = await identity.ok<Applied>(
      'disableAccount',
      { employeeId, reason: 'left', sourceVersion: 3 },
      company.asJob,
    )
    expect(doubled).toMatchObject({ applied: false, account: { status: 'invited' } })
    expect(await eventsOf(account.id)).toEqual(['account-provisioned', 'account-disabled', 'account-enabled'])
  })

  it('may lie ahead', async () => {
    const { account } = await provision(person('drew'))
    const effectiveAt = new Date(Date.now() + 86_400_000).toISOString()
    const ahead = await identity.ok<Applied>(
      'disableAccount',
      { accountId: account.id, reason: 'leaves', effectiveAt },
      company.asJob,
    )
    expect(ahead.account).toMatchObject({ status: 'invited', activeUntil: effectiveAt })
  })

  it('leaves the company an administrator, though two disable each other at once', async () => {
    const other = await identity.createCompany('initrode')
    const { account } = await identity.ok<Applied>(
      'provisionAccount',
      { ...person('second'), email: 'second@initrode.example' },
      other.asJob,
    )
    const roles = [{ role: 'hr-admin', reach: 'all' }]
    await identity.ok('setRoles', { accountId: account.id, roles, version: account.version }, other.asAdmin)
    const asSecond: TestCaller = { ...other.asAdmin, account: account.id }
    const answers = await Promise.all([
      identity.call('disableAccount', { accountId: account.id, reason: 'no' }, other.asAdmin),
      identity.call(
        'setRoles',
        { accountId: other.admin.id, roles: [], version: other.admin.version },
        asSecond,
      ),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ type: problem('last-admin') })
  })
})

describe('roles', () => {
  it('are granted by nobody to himself', async () => {
    const { admin, asAdmin } = company
    const input = { accountId: admin.id, roles: [], version: admin.version }
    expect(await identity.call('setRoles', input, asAdmin)).toMatchObject({
      status: 403,
      body: { type: problem('self-grant') },
    })
  })

  it('are granted by HR administrators, but not the operator role', async () => {
    const { account } = await provision(person('michael'))
    const input = (role: string) => ({
      accountId: account.id,
      roles: [{ role, reach: 'all' }],
      version: account.version,
    })
    const manager: TestCaller = { ...company.asAdmin, employee: randomUUIDv7(), roles: ['manager:reports'] }
    expect(await identity.call('setRoles', input('hr-admin'), manager)).toMatchObject({ status: 403 })
    expect(await identity.call('setRoles', input('operator'), company.asAdmin)).toMatchObject({
      status: 422,
      body: { type: problem('role-not-grantable'), pointer: '/roles' },
    })
    expect(await identity.call('setRoles', input('manager'), company.asAdmin)).toMatchObject({ status: 422 })
    expect(await identity.call('setRoles', input('hr-admin'), company.asAdmin)).toMatchObject({ status: 200 })
  })

  it('are changed only as they were last seen', async () => {
    const { account } = await provision(person('joanna'))
    const input = { accountId: account.id, roles: [], version: account.version + 1 }
    expect(await identity.call('setRoles', input, company.asAdmin)).toMatchObject({ status: 412 })
  })
})

describe('reading', () => {
  it('shows who has a narrower scope than all only himself', async () => {
    const [mine, other] = [person('mine'), person('other')]
    await provision(mine)
    await provision(other)
    const caller: TestCaller = { ...company.asAdmin, employee: mine.employeeId, roles: ['manager:reports'] }
    const scope = { reach: 'reports', employeeId: mine.employeeId }
    const readAs = (employeeId: string) =>
      identity.call('getAccountByEmployee', { employeeId, scope }, caller)
    expect(await readAs(mine.employeeId)).toMatchObject({ status: 200, body: { email: mine.email } })
    expect(await readAs(other.employeeId)).toMatchObject({
      status: 404,
      body: { type: problem('account-not-found') },
    })
    expect((await identity.call('listAccounts', { scope }, caller)).body).toMatchObject({
      items: [{ employeeId: mine.employeeId }],
      next: null,
    })
    expect(await identity.call('listAccounts', { scope: { reach: 'all' } }, caller)).toMatchObject({
      status: 403,
    })
    expect(await identity.call('exportAccounts', {}, caller)).toMatchObject({ status: 403 })
  })

  it('pages through all, each once, and no other company sees any', async () => {
    const ids: string[] = []
    let cursor: string | null = null
    do {
      const page: { items: Account[]; next: string | null } = await identity.ok(
        'exportAccounts',
        { limit: 3, ...(cursor ? { cursor } : {}) },
        company.asJob,
      )
      ids.push(...page.items.map(({ id }) => id))
      cursor = page.next
    } while (cursor)
    const all = await identity.db.sudo<{ id: string }>(
      'select id from account where tenant = $1 order by id',
      [company.tenant.id],
    )
    expect(ids).toEqual(all.map(({ id }) => id))
    const stranger = await identity.createCompany('stranger')
    const input = { accountId: ids[0], scope: { reach: 'all' } }
    expect(await identity.call('getAccount', input, stranger.asAdmin)).toMatchObject({ status: 404 })
  })

  it('refuses a cursor that is none', async () => {
    const input = { cursor: "' or 1=1", scope: { reach: 'all' } }
    expect(await identity.call('listAccounts', input, company.asAdmin)).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/cursor' }] },
    })
  })
})

describe('the audit trail', () => {
  it('tells what changed, and masks values without the right', async () => {
    const who = person('nina')
    const { account } = await provision(who)
    await provision({ ...who, displayName: 'Nina R.', sourceVersion: 2 })
    type Page = { items: { operation: string; before: unknown; after: unknown }[]; next: string | null }
    const input = { object: 'account', id: account.id }
    const all = await identity.ok<Page>(
      'getAuditTrail',
      { ...input, scope: { reach: 'all' } },
      company.asAdmin,
    )
    expect(all.items).toMatchObject([
      { operation: 'provisionAccount', before: { displayName: 'nina' }, after: { displayName: 'Nina R.' } },
      { operation: 'provisionAccount', before: null },
    ])
    const scope = { reach: 'self', employeeId: who.employeeId }
    const self: TestCaller = { ...company.asAdmin, employee: who.employeeId, roles: ['employee:self'] }
    const own = await identity.ok<Page>('getAuditTrail', { ...input, scope }, self)
    expect(own.items[0]).toMatchObject({ before: { displayName: '***' }, after: { displayName: '***' } })
    const others = { ...input, id: company.admin.id, scope }
    expect(await identity.call('getAuditTrail', others, self)).toMatchObject({ status: 404 })
  })
})

describe('erasure', () => {
  it('leaves the row and the trail without a personal value', async () => {
    const who = person('personal-name')
    const { account } = await provision(who)
    expect(await identity.call('eraseAccount', { accountId: account.id }, company.asAdmin)).toMatchObject({
      status: 403,
    })
    const erased = await identity.ok<Account>('eraseAccount', { employeeId: who.employeeId }, company.asJob)
    expect(erased).toMatchObject({ email: null, displayName: null, status: 'erased', roles: [] })
    expect(await read(account.id)).toEqual(erased)
    for (const table of ['account', 'audit', 'audit_value', 'event'])
      expect(await identity.db.sudo(`select 1 from ${table} t where t::text like '%personal-name%'`)).toEqual(
        [],
      )
    expect(await identity.call('provisionAccount', who, company.asJob)).toMatchObject({
      status: 409,
      body: { type: problem('account-erased') },
    })
  })
})
