import { decodeJwt, decodeProtectedHeader } from 'jose'
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Browser } from '../fixtures/browser.ts'
import { logInByForm } from '../fixtures/login.ts'
import { company, password, startIdentity, type TestServer } from '../fixtures/server.ts'

let server: TestServer
let admin: Awaited<ReturnType<typeof company>>
let config: client.Configuration
beforeAll(async () => {
  server = await startIdentity()
  admin = await company(server, 'initech')
  config = await client.discovery(new URL(server.config.issuer), 'staffmesh-cli', undefined, client.None(), {
    execute: [client.allowInsecureRequests],
  })
})
afterAll(() => server.close())

const redirectUri = 'http://127.0.0.1:53682/callback'
const credentials = () => ({ company: admin.slug, email: admin.email, password })

/** A login as any OIDC library does it, the person's part by form. */
async function login(parameters: Record<string, string> = {}, browser = new Browser()) {
  const verifier = client.randomPKCECodeVerifier()
  const nonce = client.randomNonce()
  const state = client.randomState()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid profile email',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...parameters,
  })
  const page = await browser.follow(url.href, redirectUri)
  const { at } = page.at.startsWith(redirectUri)
    ? page
    : await browser.follow(page.at, redirectUri, credentials())
  return client.authorizationCodeGrant(config, new URL(at), {
    pkceCodeVerifier: verifier,
    expectedNonce: nonce,
    expectedState: state,
    idTokenExpected: true,
  })
}

async function authorizationUrl(parameters: Record<string, string> = {}): Promise<string> {
  const code_challenge = await client.calculatePKCECodeChallenge(client.randomPKCECodeVerifier())
  const base = { redirect_uri: redirectUri, scope: 'openid', code_challenge, code_challenge_method: 'S256' }
  return client.buildAuthorizationUrl(config, { ...base, ...parameters }).href
}

describe('a login with any OIDC library', () => {
  it('gives a JWT access token with our claims although no resource was asked for', async () => {
    const tokens = await login()
    expect(decodeProtectedHeader(tokens.access_token)).toMatchObject({ alg: 'RS256', typ: 'at+jwt' })
    const claims = decodeJwt(tokens.access_token)
    expect(claims).toMatchObject({
      iss: server.config.issuer,
      aud: 'staffmesh',
      sub: admin.account,
      tid: admin.tenant,
      azp: 'staffmesh-cli',
      roles: ['hr-admin:all'],
    })
    expect(claims.exp! - claims.iat!).toBe(600)
    expect(tokens.claims()).toMatchObject({ sub: admin.account, aud: 'staffmesh-cli' })
  })

  it('answers userinfo with that token', async () => {
    const tokens = await login()
    expect(await client.fetchUserInfo(config, tokens.access_token, admin.account)).toEqual({
      sub: admin.account,
      name: 'Grace Hopper',
      email: admin.email,
    })
  })

  it('takes a client that asks for consent and offline access', async () => {
    const tokens = await login({ scope: 'openid offline_access', prompt: 'consent' })
    expect(tokens.refresh_token).toBeDefined()
  })

  it('needs no second password in the same browser', async () => {
    const browser = new Browser()
    const web = { client: 'staffmesh-web', redirectUri: `${server.url}/docs/oauth2-redirect.html`, browser }
    await logInByForm(server.url, credentials(), web)
    const again = await logInByForm(server.url, { company: '', email: '', password: '' }, web)
    expect(decodeJwt(again.access_token).azp).toBe('staffmesh-web')
  })

  it('asks before an app on the machine gets a token from an open login', async () => {
    const browser = new Browser()
    await login({}, browser)
    await expect(login({ prompt: 'none' }, browser)).rejects.toMatchObject({ error: 'interaction_required' })
    const page = await browser.follow(await authorizationUrl(), redirectUri)
    expect(await page.response.text()).toContain('Continue to Staffmesh?')
    const { at } = await browser.follow(page.at, redirectUri, {})
    expect(new URL(at).searchParams.get('code')).toBeTruthy()
  })

  it('demands PKCE', async () => {
    const url = client.buildAuthorizationUrl(config, { redirect_uri: redirectUri, scope: 'openid' })
    const { at } = await new Browser().follow(url.href, redirectUri)
    expect(new URL(at).searchParams.get('error')).toBe('invalid_request')
  })

  it('sends nobody to an address that is not registered', async () => {
    const url = await authorizationUrl({ redirect_uri: 'https://evil.example/callback' })
    const { response } = await new Browser().follow(url, 'https://evil.example')
    expect(response.status).toBe(400)
    expect(response.headers.get('location')).toBeNull()
  })
})

describe('the helper that logs in by form', () => {
  it('gives tokens', async () => {
    const tokens = await logInByForm(server.url, credentials())
    expect(decodeJwt(tokens.access_token)).toMatchObject({ tid: admin.tenant })
  })
})

describe('logout', () => {
  it('ends the session and its refresh tokens', async () => {
    const browser = new Browser()
    const tokens = await login({}, browser)
    const url = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token! })
    const page = await browser.request(url.href)
    const html = await page.text()
    expect(html).toContain('Do you want to log out?')
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(html)![1]!
    const done = await browser.follow(`${server.config.issuer}/session/end/confirm`, 'x', {
      xsrf,
      logout: 'yes',
    })
    expect(await done.response.text()).toContain('You are logged out')
    await expect(client.refreshTokenGrant(config, tokens.refresh_token!)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    await expect(login({ prompt: 'none' }, browser)).rejects.toMatchObject({ error: 'login_required' })
  })
})
