import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { identityConfig } from '../config.ts'
import { Browser } from '../fixtures/browser.ts'
import { startIdentity, type TestServer } from '../fixtures/server.ts'
import { createOidcHandler } from './handler.ts'

let server: TestServer
beforeAll(async () => {
  server = await startIdentity()
})
afterAll(() => server.close())

async function open(parameters: Record<string, string> = {}, browser = new Browser()) {
  const query = new URLSearchParams({
    client_id: 'staffmesh-cli',
    response_type: 'code',
    redirect_uri: 'http://127.0.0.1:9/callback',
    scope: 'openid',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
    ...parameters,
  })
  const first = `${server.config.issuer}/auth?${query}`
  const page = await browser.follow(first, 'http://127.0.0.1:9')
  return { ...page, first, browser, html: await page.response.text() }
}

/** What a page must have to be used with a screen reader and without a mouse. */
function expectAccessible(html: string): void {
  expect(html).toMatch(/<html lang="en">/)
  expect(html).toMatch(/<title>[^<]+<\/title>/)
  expect(html.match(/<h1>/g)).toHaveLength(1)
  expect(html).toContain('<main>')
  const inputs = [...html.matchAll(/<input id="(\w+)"[^>]*>/g)]
  expect(inputs.length).toBeGreaterThan(0)
  for (const [tag, id] of inputs) {
    expect(html).toContain(`<label for="${id}">`)
    expect(tag).toMatch(/autocomplete="[\w-]+"/)
  }
}

describe('the login page', () => {
  it('is accessible and needs no script', async () => {
    const { html } = await open()
    expectAccessible(html)
    expect(html).not.toContain('<script')
    expect(html).not.toMatch(/ on\w+=/)
  })

  it('allows nothing but its own style, and lets the form lead to the client only', async () => {
    const { response, html } = await open()
    const style = createHash('sha256')
      .update(/<style>(.*)<\/style>/s.exec(html)![1]!)
      .digest('base64')
    expect(response.headers.get('content-security-policy')).toBe(
      `default-src 'none'; style-src 'sha256-${style}'; form-action 'self' http://127.0.0.1:9; frame-ancestors 'none'; base-uri 'none'`,
    )
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it('fills in what the application knows, as text and nothing else', async () => {
    const { html } = await open({ company: 'acme', login_hint: '"><script>alert(1)</script>' })
    expect(html).toContain('value="acme"')
    expect(html).not.toContain('<script>')
    expect(html).toContain('&quot;&gt;&lt;script&gt;')
  })

  it('sums up what is wrong, links it to the fields and keeps what was typed, but no password', async () => {
    const { at, browser } = await open()
    const answer = await browser.request(at, { company: 'acme', email: '', password: '' })
    const html = await answer.text()
    expect(answer.status).toBe(422)
    expectAccessible(html)
    expect(html).toMatch(/<title>Error: /)
    expect(html).toContain('role="alert"')
    expect(html).toContain('<a href="#email">Enter your e-mail address.</a>')
    expect(html).toContain('value="acme"')
    const wrong = await browser.request(at, {
      company: 'acme',
      email: 'a@b.example',
      password: 'guess-guess',
    })
    expect(await wrong.text()).not.toContain('guess-guess')
  })

  it('says the same for an unknown company, person and password', async () => {
    const { at, browser } = await open()
    const answers = await Promise.all(
      ['none', "x' or 1=1", 'a\u0000b'].map(async (company) => {
        const answer = await browser.request(at, { company, email: 'a@b.example', password: 'some password' })
        return { status: answer.status, text: /<ul>.*<\/ul>/.exec(await answer.text())?.[0] }
      }),
    )
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(answers[0]).toMatchObject({ status: 422 })
  })

  it('takes whatever a client or an attacker sends without an error of ours', async () => {
    const { at } = await open({ state: '\u0000', nonce: '\u0000' })
    expect(at).toContain('/oidc/login/')
    expect((await open({ client_id: 'a\u0000' })).response.status).toBe(400)
    for (const body of [
      { grant_type: 'refresh_token', client_id: 'staffmesh-cli', refresh_token: '\u0000' },
      { grant_type: 'authorization_code', client_id: 'staffmesh-cli', code: '\u0000', redirect_uri: 'x' },
      { grant_type: 'client_credentials', client_id: '\u0000', client_secret: '\u0000' },
    ]) {
      const answer = await new Browser().request(`${server.config.issuer}/token`, body)
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.status).toBeLessThan(500)
    }
  })

  it('explains a login that has ended, and a body that is too large', async () => {
    const { at } = await open()
    const stranger = await new Browser().request(at)
    expect(stranger.status).toBe(400)
    expect(await stranger.text()).toContain('This login has ended')
    const large = await new Browser().request(at, { password: 'x'.repeat(20_000) })
    expect(large.status).toBe(413)
  })
})

describe('the cookies', () => {
  it('are out of reach of scripts and other sites, and for TLS only where the edge speaks it', async () => {
    const secure = identityConfig({ ...server.config, publicUrl: 'https://hr.example.com' })
    const behindTls = createServer(createOidcHandler(server.db.database, secure))
    await new Promise<void>((resolve) => behindTls.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = behindTls.address() as AddressInfo
      const { search } = new URL((await open()).first)
      const answer = await fetch(`http://127.0.0.1:${port}/oidc/auth${search}`, { redirect: 'manual' })
      expect(answer.headers.get('location')).toMatch(/^\/oidc\/login\//)
      const cookies = answer.headers.getSetCookie()
      expect(cookies.length).toBeGreaterThan(1)
      for (const cookie of cookies)
        expect(cookie).toMatch(/secure; httponly; samesite=lax|samesite=lax; secure; httponly/i)
    } finally {
      behindTls.closeAllConnections()
      behindTls.close()
    }
  })
})

describe('discovery', () => {
  it('names the edge, whoever asks', async () => {
    const response = await fetch(`${server.config.issuer}/.well-known/openid-configuration`, {
      headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
    })
    const metadata = (await response.json()) as Record<string, unknown>
    const { issuer } = server.config
    expect(metadata).toMatchObject({
      issuer,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      userinfo_endpoint: `${issuer}/me`,
      end_session_endpoint: `${issuer}/session/end`,
      code_challenge_methods_supported: ['S256'],
      response_types_supported: ['code'],
    })
  })

  it('says nothing about paths that do not exist', async () => {
    expect((await fetch(`${server.config.issuer}/device`)).status).toBe(404)
    expect((await fetch(`${server.config.issuer}/reg`, { method: 'POST' })).status).toBe(404)
  })
})

describe('the public paths', () => {
  it('name all that discovery names', async () => {
    const { identityService } = await import('../service.ts')
    const response = await fetch(`${server.config.issuer}/.well-known/openid-configuration`)
    const metadata = Object.entries((await response.json()) as Record<string, string>)
    const named = metadata
      .filter(([key]) => /_endpoint$|jwks_uri/.test(key))
      .map(([, url]) => new URL(url).pathname)
    expect(named.length).toBeGreaterThan(4)
    const paths = identityService.publicPaths.map(({ path }) => path)
    expect(named.filter((path) => !paths.includes(path))).toEqual([])
  })
})
