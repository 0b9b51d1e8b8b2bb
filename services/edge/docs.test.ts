import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { docsPages } from './docs.ts'
import { type Issuer, startIssuer } from './fixtures/issuer.ts'
import { doorService, thingsService } from './fixtures/service.ts'
import { ask } from './suite/wire.ts'
import { type RunningEdge, serveEdge } from './testing.ts'

describe('the docs', () => {
  const publicUrl = new URL('https://hr.example.com')
  const host = publicUrl.host
  let issuer: Issuer
  let edge: RunningEdge

  beforeAll(async () => {
    issuer = await startIssuer()
    const services = [thingsService, doorService]
    const pages = docsPages(services, publicUrl, issuer.issuer)
    edge = await serveEdge({
      ...issuer,
      services,
      pages,
      publicUrl,
      addresses: { things: 'http://x', door: 'http://x' },
    })
  })
  afterAll(async () => {
    await edge.close()
    issuer.close()
  })
  const get = (path: string, headers: Record<string, string> = { host }) => ask(edge.url, { path, headers })

  it('are where a visitor lands, under the address that a login comes back to', async () => {
    const location = 'https://hr.example.com/docs'
    expect(await get('/')).toMatchObject({ status: 302, headers: { location } })
    expect(await get('/docs', {})).toMatchObject({ status: 302, headers: { location } })
    expect(await get('/docs')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/html; charset=utf-8' },
    })
  })

  it('load everything from here and run no inline script', async () => {
    for (const page of ['/docs', '/docs/oauth2-redirect.html']) {
      const { body, headers } = await get(page)
      expect(headers['content-security-policy']).toContain("script-src 'self';")
      expect(headers['content-security-policy']).toContain("default-src 'none'")
      expect(body).not.toMatch(/<script>|<script [^>]*>[^<]|\son\w+=|https?:/)
      const parts = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(
        ([, part]) => new URL(part!, `https://${host}${page}`),
      )
      expect(parts.length).toBeGreaterThan(0)
      for (const { pathname } of parts) expect((await get(pathname)).status, pathname).toBe(200)
    }
  })

  it('describe the operations of application services, and no others', async () => {
    const { headers, body } = await get('/openapi.json')
    expect(headers['content-type']).toBe('application/json')
    const document = JSON.parse(body)
    expect(document.servers).toEqual([{ url: publicUrl.origin }])
    expect(Object.keys(document.paths)).toEqual([
      '/v1/things',
      '/v1/things/{id}',
      '/v1/things/mine',
      '/v1/things/watch',
      '/v1/things/import',
    ])
    expect(JSON.stringify(document.components.securitySchemes)).toContain(`${issuer.issuer}/auth`)
  })

  it('are not sent again to who has them', async () => {
    const { etag } = (await get('/docs/swagger-ui.css')).headers
    expect(await get('/docs/swagger-ui.css', { host, 'if-none-match': etag! })).toMatchObject({
      status: 304,
      body: '',
    })
  })

  it('are only read', async () => {
    expect(await ask(edge.url, { path: '/docs', method: 'POST' })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD, OPTIONS' },
    })
  })
})
