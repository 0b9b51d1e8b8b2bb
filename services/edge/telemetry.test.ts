import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { type Attributes, record, type Start } from '#kit/telemetry.ts'
import { type Issuer, startIssuer } from './fixtures/issuer.ts'
import { thingsService } from './fixtures/service.ts'
import { ask } from './suite/wire.ts'
import { type Running, type RunningEdge, serveEdge, serveOn } from './testing.ts'

let issuer: Issuer
let upstream: Running
let edge: RunningEdge
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const spans: (Start & { outcome?: Attributes })[] = []
const measured: [string, Attributes][] = []

beforeAll(async () => {
  issuer = await startIssuer()
  upstream = await serveOn((incoming, response) => response.end(String(incoming.headers.traceparent)))
  edge = await serveEdge({ ...issuer, services: [thingsService], addresses: { things: upstream.url } })
  record({
    start(span) {
      const recorded: Start & { outcome?: Attributes } = { ...span }
      spans.push(recorded)
      return {
        traceparent,
        end(outcome) {
          recorded.outcome = outcome
        },
      }
    },
    measure: (metric, _seconds, attributes) => measured.push([metric, attributes]),
    add() {},
  })
})
afterAll(async () => {
  record(undefined)
  await edge.close()
  await upstream.close()
  issuer.close()
})

it('begins the trace of a request, and says of it only what is declared', async () => {
  const path = '/v1/things/0190a000-0000-7000-8000-000000000001?q=Grace'
  const headers = { traceparent: '00-11111111111111111111111111111111-2222222222222222-01' }
  const answer = await ask(edge.url, { path, headers, token: await issuer.sign() })
  expect(answer.body).toBe(traceparent)
  await vi.waitFor(() => expect(spans[0]?.outcome).toBeDefined())

  const http = { 'http.request.method': 'GET', 'http.route': '/v1/things/{id}', 'url.scheme': 'http' }
  expect(spans).toEqual([
    {
      kind: 'server',
      name: 'GET /v1/things/{id}',
      attributes: {
        ...http,
        'staffmesh.operation': 'getThing',
        'staffmesh.request': answer.headers['x-request-id'],
      },
      outcome: { 'http.response.status_code': 200, 'error.type': undefined },
    },
  ])
  expect(measured).toEqual([
    [
      'http.server.request.duration',
      {
        ...http,
        'http.response.status_code': 200,
        'error.type': undefined,
        'staffmesh.operation': 'getThing',
      },
    ],
  ])
})
