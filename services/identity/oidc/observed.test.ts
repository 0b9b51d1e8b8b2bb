import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Attributes, record } from '#kit/telemetry.ts'
import { startIdentity, type TestServer } from '../fixtures/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startIdentity()
})
afterAll(() => server.close())
afterEach(() => record(undefined))

describe('a request to the OIDC endpoints', () => {
  it('is a span and a measurement of the declared path, without what identifies a login', async () => {
    const seen: { name: string; attributes: Attributes }[] = []
    const done = new Promise<void>((resolve) => {
      record({
        start({ name, attributes }) {
          seen.push({ name, attributes })
          return { traceparent: '', end: (attributes) => void seen.push({ name: 'end', attributes }) }
        },
        measure(metric, _seconds, attributes) {
          if (metric !== 'http.server.request.duration') return
          seen.push({ name: metric, attributes })
          resolve()
        },
        add() {},
      })
    })
    await fetch(`${server.config.issuer}/login/a-secret-uid?x=person@example.com`)
    await done
    const route = '/oidc/login/{uid}'
    const http = { 'http.request.method': 'GET', 'http.route': route, 'url.scheme': 'http' }
    const status = { 'http.response.status_code': 400 }
    expect(seen.filter(({ name }) => !name.startsWith('db'))).toEqual([
      { name: `GET ${route}`, attributes: http },
      { name: 'end', attributes: status },
      { name: 'http.server.request.duration', attributes: { ...http, ...status } },
    ])
  })
})
