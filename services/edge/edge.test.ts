import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { encodeRoles } from '#kit/caller.ts'
import { type Issuer, startIssuer, tenants } from './fixtures/issuer.ts'
import { doorService, thingsService } from './fixtures/service.ts'
import { ask, expectProblem } from './suite/wire.ts'
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
  const open = async (path: string, options: { method?: string; headers?: Record<string, string> } = {}) =>
    request(edge.url + path, {
      agent: false,
      method: options.method ?? 'GET',
      headers: { authorization: `Bearer ${await issuer.sign()}`, ...options.headers },
    })

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

  it('streams an upload, byte for byte, with back pressure', async () => {
    let begun = () => {}
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve
    })
    answer = async (incoming, response) => {
      const hash = createHash('sha256')
      incoming.once('data', begun)
      for await (const chunk of incoming) hash.update(chunk)
      response.end(JSON.stringify(hash.digest('hex')))
    }
    const sent = await open('/v1/things/import', { method: 'POST', headers: { 'content-type': 'text/csv' } })
    const hash = createHash('sha256')
    const write = async (bytes: Buffer) => {
      hash.update(bytes)
      if (!sent.write(bytes)) await once(sent, 'drain')
    }
    await write(randomBytes(100_000))
    // The service has the first bytes before the client has sent the last.
    await hasBegun
    for (let i = 0; i < 50; i++) await write(randomBytes(100_000))
    sent.end()
    const [response] = await once(sent, 'response')
    expect(await json(response)).toBe(hash.digest('hex'))
  })

  it('answers 413 when an upload without a length grows too large, and lets go of the service', async () => {
    let hungUp = false
    answer = (incoming, response) => {
      incoming.resume()
      response.on('close', () => {
        hungUp = true
      })
    }
    const sent = await open('/v1/things/import', { method: 'POST', headers: { 'content-type': 'text/csv' } })
    sent.on('error', () => {})
    const chunk = Buffer.alloc(1_000_000)
    for (let i = 0; i < 9; i++) sent.write(chunk)
    const [response] = await once(sent, 'response')
    expect(response.statusCode).toBe(413)
    sent.destroy()
    await vi.waitFor(() => expect(hungUp).toBe(true))
  })

  it('passes on an early refusal of the service while the upload is under way', async () => {
    answer = (_incoming, response) => {
      response.statusCode = 422
      response.end('{"refused":true}')
    }
    const sent = await open('/v1/things/import', { method: 'POST', headers: { 'content-type': 'text/csv' } })
    sent.on('error', () => {})
    sent.write(Buffer.alloc(200_000))
    const [response] = await once(sent, 'response')
    expect(response.statusCode).toBe(422)
    expect(await json(response)).toEqual({ refused: true })
    sent.destroy()
  })

  it('tells the service at once when the client hangs up', async () => {
    let state = 'none'
    answer = (_incoming, response) => {
      state = 'begun'
      response.on('close', () => {
        state = 'hung up'
      })
    }
    const sent = await open('/v1/things')
    sent.on('error', () => {})
    sent.end()
    await vi.waitFor(() => expect(state).toBe('begun'))
    sent.destroy()
    await vi.waitFor(() => expect(state).toBe('hung up'))
  })

  it('sends the headers of a stream before its first event, and each event as it comes', async () => {
    let next = (_event: string) => {}
    answer = (_incoming, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.flushHeaders()
      next = (event) => response.write(event)
    }
    const sent = await open('/v1/things/watch')
    sent.end()
    const [response] = await once(sent, 'response')
    expect(response.headers['content-type']).toBe('text/event-stream')
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      next(event)
      expect(String((await once(response, 'data'))[0])).toBe(event)
    }
    sent.destroy()
  })

  it('ends a stream in order when its token expires and when it drains', async () => {
    answer = (_incoming, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
    }
    const watch = async (token: string) => {
      const sent = request(`${edge.url}/v1/things/watch`, {
        agent: false,
        headers: { authorization: `Bearer ${token}` },
      })
      sent.end()
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      response.resume()
      return response
    }
    // Within the leeway that clocks may differ, a second is left.
    const expiring = await watch(await issuer.sign({ exp: Math.floor(Date.now() / 1000) - 4 }))
    await once(expiring, 'end')
    expect(expiring.complete).toBe(true)

    const drained = await watch(await issuer.sign())
    edge.edge.endStreams()
    await once(drained, 'end')
    expect(drained.complete).toBe(true)
  })

  it('breaks an answer off where the service does', async () => {
    answer = (_incoming, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => response.destroy())
    }
    const sent = await open('/v1/things')
    sent.end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    await expect(json(response)).rejects.toThrow()
    expect(response.complete).toBe(false)
  })

  it('answers 502 when the service breaks off without an answer', async () => {
    answer = (incoming) => incoming.socket.destroy()
    expectProblem(await ask(edge.url, { path: '/v1/things', token: await issuer.sign() }), 'bad-gateway')
  })

  it('answers 503 when the service is gone', async () => {
    const gone = await serveOn(echo)
    await gone.close()
    const lonely = await serveEdge({
      ...issuer,
      services: [thingsService],
      addresses: { things: gone.url },
    })
    const refused = await ask(lonely.url, { path: '/v1/things', token: await issuer.sign() })
    expectProblem(refused, 'unavailable')
    expect(refused.headers['retry-after']).toBe('1')
    await lonely.close()
  })

  it('takes at most 100 headers', async () => {
    const headers = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, '1']))
    const { status, body } = await ask(edge.url, { path: '/v1/things', headers })
    expect(status).toBe(431)
    expect(JSON.parse(body)).toMatchObject({ type: 'https://staffmesh.dev/problems/headers-too-large' })
  })
})
