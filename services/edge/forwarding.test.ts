import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Issuer, startIssuer } from './fixtures/issuer.ts'
import { doorService, thingsService } from './fixtures/service.ts'
import { ask, expectProblem } from './suite/wire.ts'
import { type Running, type RunningEdge, serveEdge, serveOn } from './testing.ts'

const echo = (_incoming: IncomingMessage, response: ServerResponse) => response.end('{}')

describe('the edge, between a client and a service', () => {
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

  const open = async (path: string, options: { method?: string; headers?: Record<string, string> } = {}) =>
    request(edge.url + path, {
      agent: false,
      method: options.method ?? 'GET',
      headers: { authorization: `Bearer ${await issuer.sign()}`, ...options.headers },
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

  it('does not wait for a body for ever', async () => {
    answer = (incoming) => {
      incoming.resume()
    }
    const sent = await open('/v1/things', { method: 'POST', headers: { 'content-type': 'application/json' } })
    sent.on('error', () => {})
    sent.write('{')
    const [response] = await once(sent, 'response')
    expect(response.statusCode).toBe(408)
    expect(await json(response)).toMatchObject({ type: 'https://staffmesh.dev/problems/request-timeout' })
    sent.destroy()
  })

  it('lets one caller hold 20 streams, which take no connection from others', async () => {
    answer = (_incoming, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.flushHeaders()
    }
    const watch = async () => {
      const sent = await open('/v1/things/watch')
      sent.on('error', () => {})
      sent.end()
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      return { sent, status: response.statusCode }
    }
    const streams = await Promise.all(Array.from({ length: 20 }, watch))
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]))
    expect((await watch()).status).toBe(429)
    for (const { sent } of streams) sent.destroy()
    await vi.waitFor(async () => expect((await watch()).status).toBe(200))
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

  it('opens no stream for who asks for its headers only', async () => {
    const token = await issuer.sign()
    const answer = await ask(edge.url, { method: 'HEAD', path: '/v1/things/watch', token })
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, OPTIONS' } })
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

    // By a client that does not know yet that this edge drains.
    const late = await watch(await issuer.sign())
    expect(late.statusCode).toBe(200)
    await once(late, 'end')
    expect(late.complete).toBe(true)
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
})
