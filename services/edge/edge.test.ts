import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeRoles } from '#kit/caller.ts'
import { type Issuer, startIssuer, tenants } from './fixtures/issuer.ts'
import { doorService, thingsService } from './fixtures/service.ts'
import { ask } from './suite/wire.ts'
import { type Running, type RunningEdge, serveEdge, serveOn } from './testing.ts'

/** What the edge sends to a service. */
interface Echo {
  method: string
  url: string
  headers: Record<string, string>
}

const echo = (incoming: IncomingMessage, response: ServerResponse) => {
  const { method, url, headers } = incoming
  incoming.resume()
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ method, url, headers }))
}

describe('the edge, to the services behind it', () => {
  let issuer: Issuer
  let upstream: Running
  let edge: RunningEdge
  let answer: (incoming: IncomingMessage, response: ServerResponse) => void = echo

  beforeAll(async () => {
    issuer = await startIssuer()
    upstream = await serveOn((incoming, response) => answer(incoming, response))
    const addresses = { things: upstream.url, door: upstream.url }
    edge = await serveEdge({ ...issuer, services: [thingsService, doorService], addresses })
  })
  afterAll(async () => {
    await edge.close()
    await upstream.close()
    issuer.close()
  })

  const send = async (options: Omit<Parameters<typeof ask>[1], 'token'> & { token?: string }) => {
    answer = echo
    const { body } = await ask(edge.url, { token: await issuer.sign(), ...options })
    return JSON.parse(body) as Echo
  }
  it('turns claims into headers and passes the token on', async () => {
    const emp = '0190a000-0000-7000-8000-0000000000e1'
    const roles = ['manager:reports', 'employee:self']
    const token = await issuer.sign({ emp, roles, sub: 'account', azp: 'mobile' })
    const { headers } = await send({ path: '/v1/things', token })
    expect(headers).toMatchObject({
      authorization: `Bearer ${token}`,
      'x-staffmesh-account': 'account',
      'x-staffmesh-client': 'mobile',
      'x-staffmesh-employee': emp,
      'x-staffmesh-roles': encodeRoles(roles),
      'x-staffmesh-tenant': tenants.own,
    })
  })

  it('lets no header in that only the inside may set', async () => {
    const forged = Object.fromEntries(
      [
        'x-staffmesh-employee',
        'x-staffmesh-deadline',
        'x-staffmesh-anything',
        'x-forwarded-client-cert',
        'x-envoy-original-path',
        'x-envoy-upstream-rq-timeout-ms',
        'x-b3-sampled',
        'b3',
        'baggage',
        'tracestate',
        'forwarded',
        'x-real-ip',
        'x-original-url',
        'x-rewrite-url',
        'x-client-trace-id',
        'cookie',
        'te',
      ].map((name) => [name, 'forged']),
    )
    const { headers } = await send({ path: '/v1/things', headers: forged })
    expect(Object.values(headers)).not.toContain('forged')
  })

  it('says who is outside and where, whatever the client says', async () => {
    const { headers } = await send({
      path: '/v1/things',
      headers: {
        'x-forwarded-for': '192.0.2.1',
        'x-forwarded-proto': 'gopher',
        'x-forwarded-host': 'evil.example',
      },
    })
    expect(headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'hr.example.com',
      host: new URL(upstream.url).host,
    })
  })

  it('starts a trace of its own and notes that of the client', async () => {
    const outside = '0af7651916cd43dd8448eb211c80319c'
    const { headers } = await send({
      path: '/v1/things',
      headers: { traceparent: `00-${outside}-b7ad6b7169203331-01` },
    })
    expect(headers.traceparent).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/)
    expect(headers.traceparent).not.toContain(outside)
    expect(headers['x-client-trace-id']).toBe(outside)
    const { headers: hostile } = await send({ path: '/v1/things', headers: { traceparent: 'x'.repeat(60) } })
    expect(hostile).not.toHaveProperty('x-client-trace-id')
  })

  it('passes on what a client may say, and the query as it is', async () => {
    const given = {
      'idempotency-key': 'k-1',
      'if-match': '"3"',
      'accept-language': 'de',
      'last-event-id': '7',
      'x-request-id': 'mobile-1234',
    }
    const { method, url, headers } = await send({
      method: 'POST',
      path: '/v1/things?name=%E7%8E%8B&x=a%2Fb',
      headers: { ...given, 'content-type': 'application/json' },
      body: '{}',
    })
    expect({ method, url }).toEqual({ method: 'POST', url: '/v1/things?name=%E7%8E%8B&x=a%2Fb' })
    expect(headers).toMatchObject(given)
  })

  it('lets cookies through to public paths only, and no identity', async () => {
    const headers = { cookie: '_session=1', 'x-staffmesh-tenant': tenants.own }
    const login = await send({ path: '/oidc/login/abc', headers })
    expect(login.headers.cookie).toBe('_session=1')
    expect(login.headers).not.toHaveProperty('x-staffmesh-tenant')
    expect((await send({ path: '/v1/things', headers })).headers).not.toHaveProperty('cookie')
  })

  it('hides what a service says about itself', async () => {
    answer = (incoming, response) => {
      response.setHeader('server', 'secret/1')
      response.setHeader('x-powered-by', 'secret')
      response.setHeader('x-staffmesh-tenant', 'secret')
      response.setHeader('set-cookie', ['a=1', 'b=2'])
      response.setHeader('etag', '"3"')
      echo(incoming, response)
    }
    const { headers } = await ask(edge.url, { path: '/v1/things', token: await issuer.sign() })
    expect(JSON.stringify(headers)).not.toContain('secret')
    expect(headers).toMatchObject({ etag: '"3"', 'set-cookie': ['a=1', 'b=2'], 'cache-control': 'no-store' })
  })

  it('takes at most 100 headers', async () => {
    const headers = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, '1']))
    const { status, body } = await ask(edge.url, { path: '/v1/things', headers })
    expect(status).toBe(431)
    expect(JSON.parse(body)).toMatchObject({ type: 'https://staffmesh.dev/problems/headers-too-large' })
  })
})
