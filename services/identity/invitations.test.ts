import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Browser } from './fixtures/browser.ts'
import { logInByForm } from './fixtures/login.ts'
import { company, jobPost, startIdentity, type TestServer } from './fixtures/server.ts'
import { acceptInvitation } from './invitations.ts'

let server: TestServer
let admin: Awaited<ReturnType<typeof company>>
beforeAll(async () => {
  server = await startIdentity()
  admin = await company(server, 'weyland')
})
afterAll(() => server.close())

const chosen = 'quite another sentence'

async function invite(name: string) {
  const { account } = (await jobPost(server, admin.tenant, 'provisionAccount', {
    email: `${name}@weyland.example`,
    displayName: 'Ellen Ripley',
    roles: [],
  })) as { account: { id: string } }
  const link = async () => {
    const issued = await jobPost(server, admin.tenant, 'issueInvitation', { accountId: account.id })
    return (issued as { url: string }).url
  }
  return { account: account.id, email: `${name}@weyland.example`, url: await link(), link }
}

const tokenOf = (url: string) => new URL(url).searchParams.get('token')!
const submit = (url: string, password: string, repeated = password) =>
  new Browser().request(url.split('?')[0]!, { token: tokenOf(url), password, repeated })

describe('an invitation', () => {
  it('leads to a page on which the person chooses a password, and then logs in', async () => {
    const { url, email } = await invite('ripley')
    const page = await new Browser().request(url)
    expect(page.status).toBe(200)
    expect(page.headers.get('referrer-policy')).toBe('no-referrer')
    expect(await page.text()).toContain('<label for="password">')
    expect(await (await submit(url, chosen)).text()).toContain('Your password is set')
    const tokens = await logInByForm(server.url, { company: admin.slug, email, password: chosen })
    expect(tokens.access_token).toBeDefined()
  })

  it('says what is wrong with a password, at its field, and stays good', async () => {
    const { url } = await invite('hicks')
    for (const [password, repeated, text] of [
      ['short', 'short', 'at least 10 characters'],
      ['hicks@weyland', 'hicks@weyland', 'neither your e-mail address'],
      [chosen, 'a different one', 'The two passwords differ'],
    ] as const) {
      const answer = await submit(url, password, repeated)
      expect(answer.status).toBe(422)
      const html = await answer.text()
      expect(html).toContain(text)
      expect(html).toContain('aria-invalid="true"')
      expect(html).not.toContain(`value="${password}"`)
    }
    expect((await submit(url, chosen)).status).toBe(200)
  })

  it('is good once, for one of two at once', async () => {
    const { url } = await invite('bishop')
    const answers = await Promise.all(
      [1, 2, 3].map((i) => acceptInvitation(server.db.database, tokenOf(url), `${chosen} ${i}`)),
    )
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1)
    expect((await submit(url, chosen)).status).toBe(410)
  })

  it('ends when another is issued, when it is old, and with the account', async () => {
    const newt = await invite('newt')
    const second = await newt.link()
    expect((await new Browser().request(newt.url)).status).toBe(410)
    await server.db.sudo('update invitation set expires_at = now() where account = $1', [newt.account])
    expect((await submit(second, chosen)).status).toBe(410)
    const third = await newt.link()
    await jobPost(server, admin.tenant, 'disableAccount', { accountId: newt.account, reason: 'left' })
    expect((await submit(third, chosen)).status).toBe(410)
  })

  it('ends the sessions of whoever knew the former password', async () => {
    const { url, email, link } = await invite('vasquez')
    await submit(url, chosen)
    const { refresh_token } = await logInByForm(server.url, { company: admin.slug, email, password: chosen })
    await submit(await link(), 'a third, better sentence')
    const answer = await fetch(`${server.config.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'staffmesh-cli', refresh_token }),
    })
    expect(answer.status).toBe(400)
  })

  it('takes no token that is none', async () => {
    for (const token of ['', 'x', `${admin.tenant}.`, `${admin.tenant}.x`, "a'.b"])
      expect((await new Browser().request(`${server.config.issuer}/invitation?token=${token}`)).status).toBe(
        410,
      )
  })

  it('keeps its secret out of the database', async () => {
    const { url } = await invite('gorman')
    const secret = tokenOf(url).split('.')[1]
    for (const table of ['invitation', 'idempotency', 'audit_value', 'event'])
      expect(
        await server.db.sudo(`select 1 from ${table} t where t::text like '%' || $1 || '%'`, [secret]),
      ).toEqual([])
  })
})
