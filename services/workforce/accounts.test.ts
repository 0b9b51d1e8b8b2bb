import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { post, type TestCaller } from '#kit/testing.ts'
import { startWorkforce, type TestWorkforce } from './testing.ts'

let workforce: TestWorkforce
let admin: TestCaller
let employeeId: string
let number = 0
beforeAll(async () => {
  workforce = await startWorkforce()
  admin = await workforce.newCompany()
})
afterAll(() => workforce.close())
beforeEach(async () => {
  const email = `ada${++number}@example.com`
  const employee = await workforce.act(
    'hireEmployee',
    {
      person: { givenName: 'Ada', familyName: 'Lovelace', email },
      employeeNumber: String(number),
      joinsOn: '2020-01-01',
      terms: { timeZone: 'Europe/London' },
    },
    admin,
  )
  employeeId = employee.id
  // What lifecycle does when it reads that somebody was hired.
  const account = { employeeId, email, roles: [{ role: 'employee', reach: 'self' }] }
  await post(workforce.apps.identity, 'provisionAccount', account, admin)
})

const getAccount = () => workforce.act('getAccount', { employeeId }, admin)

describe('the account of an employee', () => {
  it('gets roles on top of those that come with the employment', async () => {
    const { version } = await getAccount()
    const roles = [{ role: 'manager' as const, reach: 'reports' as const }]
    const answer = await workforce.send('setRoles', { employeeId, version, roles }, admin)
    expect(answer).toMatchObject({
      status: 200,
      body: { roles: [{ role: 'employee', reach: 'self' }, ...roles] },
    })
    expect(answer.headers.get('etag')).toBe(`"${(await getAccount()).version}"`)
    expect(await workforce.send('setRoles', { employeeId, version, roles: [] }, admin)).toMatchObject({
      status: 412,
      body: { type: 'https://staffmesh.dev/problems/version-conflict' },
    })
  })

  it('does not get a role that only operators may give', async () => {
    const { version } = await getAccount()
    const roles = [{ role: 'operator' as const, reach: 'all' as const }]
    expect(await workforce.send('setRoles', { employeeId, version, roles }, admin)).toMatchObject({
      status: 422,
      body: { type: 'https://staffmesh.dev/problems/role-not-grantable', pointer: '/roles' },
    })
  })

  it('is invited with a link, and not when it is disabled', async () => {
    const { url } = await workforce.act('issueInvitation', { employeeId }, admin)
    expect(url).toMatch(/^http:\/\/localhost:8080\/oidc\/invitation\?token=/)
    await workforce.act('disableAccount', { employeeId, reason: 'Lost phone' }, admin)
    expect(await workforce.send('issueInvitation', { employeeId }, admin)).toMatchObject({
      status: 409,
      body: { type: 'https://staffmesh.dev/problems/account-disabled' },
    })
  })

  it('is disabled and enabled, and its trail tells by whom', async () => {
    await workforce.act('disableAccount', { employeeId, reason: 'Lost phone' }, admin)
    expect(await getAccount()).toMatchObject({ status: 'disabled' })
    await workforce.act('enableAccount', { employeeId }, admin)
    expect(await getAccount()).toMatchObject({ status: 'invited', activeUntil: null })
    const { items } = await workforce.act('getAccountAuditTrail', { employeeId }, admin)
    expect(items.map(({ account, operation }) => [account, operation])).toEqual([
      [admin.account, 'enableAccount'],
      [admin.account, 'disableAccount'],
      [admin.account, 'provisionAccount'],
    ])
  })

  it('is not there for somebody who has none', async () => {
    const { id } = await workforce.act(
      'hireEmployee',
      {
        person: { givenName: 'No', familyName: 'Account' },
        employeeNumber: `none-${number}`,
        joinsOn: '2020-01-01',
        terms: { timeZone: 'UTC' },
      },
      admin,
    )
    expect(await workforce.send('getAccount', { employeeId: id }, admin)).toMatchObject({
      status: 404,
      body: { type: 'https://staffmesh.dev/problems/account-not-found' },
    })
  })
})
