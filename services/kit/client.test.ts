import { randomUUIDv7 } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { backgroundCall, type Call } from './call.ts'
import { clientOf } from './client.ts'
import { createTallyApp } from './fixtures/tally/app.ts'
import { tallyService } from './fixtures/tally/service.ts'
import { callerHeaders } from './testing.ts'

/** A callee that answers what a test wants, and notes what it was asked. */
let answer: (request: IncomingMessage, response: ServerResponse) => void
const asked: { path: string | undefined; headers: IncomingMessage['headers']; body: string }[] = []
const callee = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8').on('data', (part) => {
    body += part
  })
  request.on('end', () => {
    asked.push({ path: request.url, headers: request.headers, body })
    answer(request, response)
  })
})
let url: string
beforeAll(async () => {
  await new Promise<void>((resolve) => callee.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(callee.address() as AddressInfo).port}`
})
afterAll(() => {
  callee.closeAllConnections()
  callee.close()
})
beforeEach(() => {
  asked.length = 0
})

const id = randomUUIDv7()
const counter = { id, name: 'n', value: 1, version: 1 }
const reply = (status: number, body: string, type = 'application/json') => {
  answer = (_, response) => response.writeHead(status, { 'content-type': type }).end(body)
}
const problem = (status: number, code: string, more: object = {}) =>
  reply(
    status,
    JSON.stringify({ type: `https://staffmesh.dev/problems/${code}`, title: 'T', status, ...more }),
    'application/problem+json',
  )
const tenant = randomUUIDv7()
const call = (more: Partial<Call> = {}): Call => ({
  ...backgroundCall({ service: 'tally', operation: 'raiseTally', tenant, token: 'token', deadline: 5000 }),
  idempotencyKey: 'mine',
  ...more,
})

describe('what a call carries on', () => {
  it('is token, identity, deadline, request, trace and key', async () => {
    reply(200, JSON.stringify(counter))
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const made = call({ traceparent, tracestate: 'vendor=1' })
    await clientOf(tallyService, 'counter', url)(made).increment({ id, by: 1 })
    expect(asked[0]).toMatchObject({
      path: '/increment',
      body: JSON.stringify({ id, by: 1 }),
      headers: {
        authorization: 'Bearer token',
        'x-staffmesh-tenant': tenant,
        'x-staffmesh-account': 'job:tally',
        'x-staffmesh-deadline': String(made.deadline),
        'x-request-id': made.requestId,
        // untouched, for telemetry is off
        traceparent,
        tracestate: 'vendor=1',
        'idempotency-key': 'mine/raiseTally/1',
        'content-type': 'application/json',
      },
    })
  })

  it('is a key of its own for each step, the same in each retry', async () => {
    reply(200, JSON.stringify(counter))
    const keys = async () => {
      asked.length = 0
      const counters = clientOf(tallyService, 'counter', url)(call())
      await counters.increment({ id, by: 1 })
      await counters.getCounter({ id })
      await counters.increment({ id, by: 1 })
      await counters.increment({ id, by: 1 }, { step: 'last' })
      return asked.map(({ headers }) => headers['idempotency-key'])
    }
    const first = await keys()
    expect(first).toEqual(['mine/raiseTally/1', undefined, 'mine/raiseTally/2', 'mine/raiseTally/last'])
    expect(await keys()).toEqual(first)
  })
})

describe('an answer', () => {
  const ask = (made = call()) => clientOf(tallyService, 'counter', url)(made).getCounter({ id })

  it('may have fields that the caller does not know', async () => {
    reply(200, JSON.stringify({ ...counter, more: 1 }))
    expect(await ask()).toMatchObject(counter)
  })

  it.each<[string, () => void, string]>([
    ['503 of a proxy', () => reply(503, 'no healthy upstream', 'text/plain'), 'unavailable'],
    ['504 of a proxy', () => reply(504, 'upstream request timeout', 'text/plain'), 'deadline-exceeded'],
    ['429 of a proxy', () => reply(429, 'local_rate_limited', 'text/plain'), 'too-many-requests'],
    ['403 of the mesh', () => reply(403, 'RBAC: access denied', 'text/plain'), 'bad-gateway'],
    ['404 of a wrong address', () => reply(404, '<html>'), 'bad-gateway'],
    ['redirect', () => reply(302, ''), 'bad-gateway'],
    ['200 that is not JSON', () => reply(200, '<html>'), 'bad-gateway'],
    ['problem of another origin', () => reply(409, '{"type":"about:blank","title":"?"}'), 'bad-gateway'],
    ['503 of the callee', () => problem(503, 'unavailable'), 'unavailable'],
    ['404 of the callee', () => problem(404, 'counter-not-found'), 'counter-not-found'],
    [
      'connection that breaks',
      () => {
        answer = (request) => request.socket.destroy()
      },
      'unavailable',
    ],
    [
      'answer that breaks off',
      () => {
        answer = (request, response) => {
          response.writeHead(200, { 'content-length': '100' }).write('{')
          setTimeout(() => request.socket.destroy(), 20)
        }
      },
      'unavailable',
    ],
  ])('that is a %s', async (_, prepare, code) => {
    prepare()
    await expect(ask()).rejects.toMatchObject({ code })
  })

  it('that never comes ends with the call', async () => {
    answer = () => {}
    const signal = AbortSignal.timeout(50)
    await expect(ask(call({ signal }))).rejects.toMatchObject({ code: 'deadline-exceeded' })
  })

  it('of an address where nobody is', async () => {
    const nobody = clientOf(tallyService, 'counter', 'http://127.0.0.1:1')
    await expect(nobody(call()).getCounter({ id })).rejects.toMatchObject({
      code: 'unavailable',
      message: 'counter does not answer',
    })
  })
})

describe('what the own caller is told of it', () => {
  const headers = callerHeaders({ tenant })
  const ask = async () => {
    const response = await createTallyApp(url).request(`/v1/tallies/${id}`, { headers })
    const body = (await response.json()) as { type: string }
    return {
      ...body,
      status: response.status,
      code: body.type.split('/').at(-1),
      retryAfter: response.headers.get('retry-after'),
    }
  }

  it('is a declared problem as it came, with the own title', async () => {
    problem(404, 'counter-not-found', { detail: 'gone', pointer: '/id' })
    expect(await ask()).toMatchObject({
      status: 404,
      code: 'counter-not-found',
      title: 'There is no such tally',
      detail: 'gone',
      pointer: '/id',
    })
  })

  it.each([
    ['an undeclared one', () => problem(409, 'counter-name-taken', { detail: 'inner' }), 500, 'internal'],
    ['an inner failure', () => problem(500, 'internal', { detail: 'inner' }), 502, 'bad-gateway'],
    ['a wrong answer', () => reply(200, '<html>'), 502, 'bad-gateway'],
    ['503', () => problem(503, 'unavailable'), 503, 'unavailable'],
    ['504', () => problem(504, 'deadline-exceeded'), 504, 'deadline-exceeded'],
  ])('is nothing of the inside: %s', async (_, prepare, status, code) => {
    prepare()
    const told = await ask()
    expect(told).toMatchObject({ status, code })
    expect(JSON.stringify(told)).not.toContain('inner')
    expect(told.retryAfter).toBe(code === 'unavailable' ? '1' : null)
  })
})
