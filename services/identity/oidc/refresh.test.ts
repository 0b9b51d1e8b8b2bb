import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authorizeByForm, exchangeCode, logInByForm } from '../fixtures/login.ts'
import { company, password, startIdentity, type TestServer } from '../fixtures/server.ts'
import { refreshGrace } from './adapter.ts'

let server: TestServer
let admin: Awaited<ReturnType<typeof company>>
beforeAll(async () => {
  server = await startIdentity()
  admin = await company(server, 'hooli')
})
afterAll(() => server.close())

const credentials = () => ({ company: admin.slug, email: admin.email, password })
const logIn = () => logInByForm(server.url, credentials())
const authorize = async () => {
  const authorization = await authorizeByForm(server.url, credentials())
  return () => exchangeCode(server.url, authorization)
}

interface Answer {
  status: number
  error?: string
  access_token: string
  refresh_token: string
}

async function refresh(refresh_token: string): Promise<Answer> {
  const response = await fetch(`${server.config.issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'staffmesh-cli', refresh_token }),
  })
  return { ...((await response.json()) as Omit<Answer, 'status'>), status: response.status }
}

/** Lets the time pass in which a repeated refresh is taken for a retry. */
const passGrace = () =>
  server.db.sudo('update oidc_artifact set consumed_at = consumed_at - make_interval(secs => $1)', [
    refreshGrace,
  ])

describe('a refresh', () => {
  it('rotates the refresh token', async () => {
    const first = await logIn()
    const second = await refresh(first.refresh_token)
    expect(second.refresh_token).not.toBe(first.refresh_token)
    expect(decodeJwt(second.access_token)).toMatchObject({ aud: 'staffmesh', tid: admin.tenant })
    expect(await refresh(second.refresh_token)).toMatchObject({ status: 200 })
  })

  it('is no theft when it is tried again because the answer was lost', async () => {
    const { refresh_token } = await logIn()
    const lost = await refresh(refresh_token)
    const again = await refresh(refresh_token)
    expect(again).toMatchObject({ status: 200, refresh_token: lost.refresh_token })
    expect(await refresh(again.refresh_token)).toMatchObject({ status: 200 })
  })

  it('gives two at once the same successor, so that no branch escapes the reuse detection', async () => {
    const { refresh_token } = await logIn()
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(refresh_token)))
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(1)
  })

  it('with a token that was used before revokes the whole family', async () => {
    const { refresh_token: stolen } = await logIn()
    const { refresh_token: current } = await refresh(stolen)
    await passGrace()
    expect(await refresh(stolen)).toMatchObject({ status: 400, error: 'invalid_grant' })
    expect(await refresh(current)).toMatchObject({ status: 400, error: 'invalid_grant' })
  })

  it('gives a thief within the grace away at the next refresh', async () => {
    const { refresh_token } = await logIn()
    const [victim, thief] = [await refresh(refresh_token), await refresh(refresh_token)]
    const next = await refresh(victim.refresh_token)
    await passGrace()
    expect(await refresh(thief.refresh_token)).toMatchObject({ status: 400 })
    expect(await refresh(next.refresh_token)).toMatchObject({ status: 400 })
  })

  it('keeps no usable token in the database', async () => {
    const { refresh_token } = await logIn()
    const rows = await server.db.sudo<{ row: string }>('select oidc_artifact::text as row from oidc_artifact')
    expect(rows.some(({ row }) => row.includes(refresh_token))).toBe(false)
  })
})

describe('a page in a browser', () => {
  it('uses the token endpoint where the client is at home, and nowhere else', async () => {
    const exchange = async (origin: string) => {
      const authorization = await authorizeByForm(server.url, credentials(), {
        client: 'staffmesh-web',
        redirectUri: `${server.url}/docs/oauth2-redirect.html`,
      })
      return exchangeCode(server.url, authorization, { origin })
    }
    const allowed = await exchange(server.url)
    expect(allowed.status).toBe(200)
    expect(allowed.headers.get('access-control-allow-origin')).toBe(server.url)
    const refused = await exchange('https://evil.example')
    expect(refused.status).toBe(400)
    expect(refused.headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('an authorization code', () => {
  it('is good once, also for two at once', async () => {
    const exchange = await authorize()
    const answers = await Promise.all(Array.from({ length: 6 }, () => exchange()))
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1)
    // Whoever came first is out too: one of them was a thief.
    expect((await exchange()).status).toBe(400)
  })
})
