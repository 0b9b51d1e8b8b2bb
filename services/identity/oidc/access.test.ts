import { decodeJwt, importJWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { post } from '#kit/testing.ts'
import { Browser } from '../fixtures/browser.ts'
import { logInByForm } from '../fixtures/login.ts'
import { company, jobPost, password, startIdentity, type TestServer } from '../fixtures/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startIdentity()
})
afterAll(() => server.close())

type Company = Awaited<ReturnType<typeof company>>
const logIn = (admin: Company) =>
  logInByForm(server.url, { company: admin.slug, email: admin.email, password })

async function token(body: Record<string, string>, authorization?: string) {
  const response = await fetch(`${server.config.issuer}/token`, {
    method: 'POST',
    headers: authorization ? { authorization } : {},
    body: new URLSearchParams(body),
  })
  return { status: response.status, body: (await response.json()) as { [field: string]: string } }
}

const refresh = (refresh_token: string) =>
  token({ grant_type: 'refresh_token', client_id: 'staffmesh-cli', refresh_token })

const userinfo = async (accessToken: string) =>
  (await fetch(`${server.config.issuer}/me`, { headers: { authorization: `Bearer ${accessToken}` } })).status

describe('a disabled account', () => {
  it('neither logs in nor refreshes, nor is known to userinfo', async () => {
    const admin = await company(server, 'pied-piper')
    const tokens = await logIn(admin)
    expect(await userinfo(tokens.access_token)).toBe(200)
    await jobPost(server, admin.tenant, 'disableAccount', { accountId: admin.account, reason: 'left' })
    expect(await refresh(tokens.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    })
    expect(await userinfo(tokens.access_token)).toBe(401)
    await expect(logIn(admin)).rejects.toThrow('422')
  })

  it('does not refresh with what a refresh beside the disabling left behind', async () => {
    const admin = await company(server, 'soylent')
    const { refresh_token } = await logIn(admin)
    const rows = await server.db.sudo<Record<string, unknown>>(
      `select * from oidc_artifact where model <> 'Interaction'`,
    )
    await jobPost(server, admin.tenant, 'disableAccount', { accountId: admin.account, reason: 'left' })
    for (const row of rows)
      await server.db.sudo(
        `insert into oidc_artifact select * from json_populate_record(null::oidc_artifact, $1) on conflict do nothing`,
        [JSON.stringify(row)],
      )
    expect(await refresh(refresh_token)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    await jobPost(server, admin.tenant, 'enableAccount', { accountId: admin.account })
    expect(await refresh(refresh_token)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect((await logIn(admin)).access_token).toBeDefined()
  })

  it('is out from the instant on that was set', async () => {
    const admin = await company(server, 'acme')
    const { refresh_token } = await logIn(admin)
    const effectiveAt = new Date(Date.now() + 3_600_000).toISOString()
    await jobPost(server, admin.tenant, 'disableAccount', {
      accountId: admin.account,
      reason: 'leaves',
      effectiveAt,
    })
    const again = await refresh(refresh_token)
    expect(again).toMatchObject({ status: 200, body: { expires_in: 600 } })
    const soon = new Date(Date.now() + 60_000).toISOString()
    await jobPost(server, admin.tenant, 'disableAccount', {
      accountId: admin.account,
      reason: 'leaves',
      effectiveAt: soon,
    })
    // No token outlives the account.
    const last = await refresh(again.body.refresh_token!)
    expect(decodeJwt(last.body.access_token!).exp! * 1000).toBeLessThanOrEqual(Date.parse(soon))
    await server.db.sudo(`update account set active_until = now() where id = $1`, [admin.account])
    expect(await refresh(last.body.refresh_token!)).toMatchObject({ status: 400 })
    await expect(logIn(admin)).rejects.toThrow('422')
  })
})

describe('a suspended tenant', () => {
  it('keeps everybody out until it is resumed', async () => {
    const admin = await company(server, 'vandelay')
    const tokens = await logIn(admin)
    await jobPost(server, admin.tenant, 'suspendTenant', { id: admin.tenant, reason: 'unpaid' })
    expect(await refresh(tokens.refresh_token)).toMatchObject({ status: 400 })
    await expect(logIn(admin)).rejects.toThrow('422')
    await jobPost(server, admin.tenant, 'resumeTenant', { id: admin.tenant })
    expect((await logIn(admin)).access_token).toBeDefined()
  })
})

describe('userinfo', () => {
  it('takes no token but those for people, signed by us, in their time', async () => {
    const admin = await company(server, 'stark')
    const { access_token: good } = await logIn(admin)
    const key = server.config.signingKeys.keys[0]!
    const forged = async (change: JWTPayload, kid = key.kid) =>
      new SignJWT({ ...decodeJwt(good), ...change })
        .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid })
        .sign(await importJWK(key, 'RS256'))
    expect(await userinfo(await forged({}))).toBe(200)
    const past = Math.floor(Date.now() / 1000) - 1
    for (const refused of [
      await forged({ exp: past }),
      await forged({ aud: 'staffmesh-jobs' }),
      await forged({ iss: 'https://evil.example' }),
      await forged({ sub: 'job:lifecycle' }),
      await forged({ sub: '00000000-0000-7000-8000-000000000000' }),
      await forged({}, server.config.signingKeys.keys[1]!.kid),
      new UnsecuredJWT(decodeJwt(good)).encode(),
      `${good.slice(0, -8)}AAAAAAAA`,
      'x',
    ])
      expect(await userinfo(refused)).toBe(401)
    expect(await userinfo(await forged({ scope: 'email' }))).toBe(403)
    expect((await fetch(`${server.config.issuer}/me`)).headers.get('www-authenticate')).toContain('Bearer')
  })
})

describe('a machine client', () => {
  interface Registered {
    client: { clientId: string }
    clientSecret: string
  }
  const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const tokenOf = ({ client, clientSecret }: Registered) =>
    token({ grant_type: 'client_credentials' }, basic(client.clientId, clientSecret))
  const register = async (admin: Company, key: string, roles = [{ role: 'hr-admin', reach: 'all' }]) =>
    post(
      server.app,
      'registerMachineClient',
      { name: 'Payroll partner', roles },
      { tenant: admin.tenant, account: admin.account },
      { 'idempotency-key': key },
    )

  it('gets a token of its tenant with its own roles, by client credentials', async () => {
    const admin = await company(server, 'cyberdyne')
    const registered = (await register(admin, 'a')).body as Registered
    const { clientId } = registered.client
    const answer = await tokenOf(registered)
    expect(answer.status).toBe(200)
    expect(decodeJwt(answer.body.access_token!)).toMatchObject({
      iss: server.config.issuer,
      aud: 'staffmesh',
      sub: clientId,
      azp: clientId,
      tid: admin.tenant,
      roles: ['hr-admin:all'],
    })
    expect((await token({ grant_type: 'client_credentials' }, basic(clientId, 'wrong'))).status).toBe(401)
    const post = { grant_type: 'client_credentials', client_id: clientId }
    expect((await token({ ...post, client_secret: registered.clientSecret })).status).toBe(200)
    // A program has no one to log in.
    const page = await fetch(
      `${server.config.issuer}/auth?client_id=${clientId}&response_type=code&scope=openid`,
    )
    expect(page.status).toBe(400)
    await jobPost(server, admin.tenant, 'suspendTenant', { id: admin.tenant, reason: 'unpaid' })
    expect((await tokenOf(registered)).status).toBe(401)
  })

  it('is one, with a new secret, when its registration is tried again', async () => {
    const admin = await company(server, 'wonka')
    const lost = (await register(admin, 'same')).body as Registered
    const again = (await register(admin, 'same')).body as Registered
    expect(again.client).toEqual(lost.client)
    expect((await tokenOf(lost)).status).toBe(401)
    expect((await tokenOf(again)).status).toBe(200)
    const caller = { tenant: admin.tenant, account: admin.account }
    const { clientId } = again.client
    expect((await post(server.app, 'listMachineClients', {}, caller)).body).toEqual({ items: [again.client] })
    const stranger = { tenant: (await company(server, 'gringotts')).tenant }
    expect((await post(server.app, 'removeMachineClient', { clientId }, stranger)).status).toBe(404)
    expect((await post(server.app, 'removeMachineClient', { clientId }, caller)).status).toBe(200)
    expect((await tokenOf(again)).status).toBe(401)
  })

  it('has no role beyond those of who registers it', async () => {
    const admin = await company(server, 'oscorp')
    for (const role of [
      { role: 'operator', reach: 'all' },
      { role: 'manager', reach: 'reports' },
    ])
      expect(await register(admin, role.role, [role])).toMatchObject({
        status: 422,
        body: { pointer: '/roles' },
      })
  })
})

describe('brute force', () => {
  it('is slowed per account, also with parallel guesses and the right password', async () => {
    const admin = await company(server, 'tyrell')
    const guess = async (pass: string, address: string) => {
      const browser = new Browser({ 'x-forwarded-for': address })
      const page = await browser.follow(await loginUrl(), 'http://127.0.0.1:9')
      return browser.request(page.at, { company: admin.slug, email: admin.email, password: pass })
    }
    await server.db.sudo('delete from login_throttle')
    expect((await guess('wrong password', '192.0.2.1')).status).toBe(422)
    // The tenth failure costs 16 seconds.
    await server.db.sudo(`update login_throttle set failures = 9 where kind = 'account'`)
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => guess(`wrong password ${i}`, `192.0.2.${i}`)),
    )
    const statuses = answers.map(({ status }) => status)
    expect(statuses.sort()).toEqual([422, ...Array(9).fill(429)])
    await server.db.sudo(
      `update login_throttle set blocked_until = now() + interval '5 minutes' where kind = 'account'`,
    )
    const right = await guess(password, '192.0.2.99')
    expect(right.status).toBe(429)
    expect(Number(right.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await right.text()).toContain('Too many attempts')
    await server.db.sudo(`update login_throttle set blocked_until = now()`)
    expect((await guess(password, '192.0.2.99')).status).toBe(303)
    expect((await guess('wrong again', '192.0.2.99')).status).toBe(422)
  })

  it('is slowed per address over many accounts, by the address that the edge wrote', async () => {
    const guess = async (i: number) => {
      const browser = new Browser({ 'x-forwarded-for': `203.0.113.${i}, 198.51.100.7` })
      const page = await browser.follow(await loginUrl(), 'http://127.0.0.1:9')
      return (await browser.request(page.at, { company: 'none', email: `a${i}@x.example`, password: 'x' }))
        .status
    }
    await server.db.sudo('delete from login_throttle')
    expect(await guess(1)).toBe(422)
    await server.db.sudo(`update login_throttle set failures = 60 where kind = 'address'`)
    expect(await guess(2)).toBe(422)
    expect(await guess(3)).toBe(429)
  })
})

async function loginUrl(): Promise<string> {
  const query = new URLSearchParams({
    client_id: 'staffmesh-cli',
    response_type: 'code',
    redirect_uri: 'http://127.0.0.1:9/callback',
    scope: 'openid',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
  })
  return `${server.config.issuer}/auth?${query}`
}
