import { getRequestListener } from '@hono/node-server'
import type { JWTPayload } from 'jose'
import { afterAll, beforeAll, describe } from 'vitest'
import { createDoorApp, createThingsApp } from '../fixtures/apps.ts'
import { type Issuer, startIssuer, tenants } from '../fixtures/issuer.ts'
import { doorService, thingsService } from '../fixtures/service.ts'
import { type Running, type RunningEdge, serveEdge, serveOn } from '../testing.ts'
import type { Subject, Who } from './subject.ts'
import { edgeSuite } from './suite.ts'

const claims: Record<Who, JWTPayload> = {
  'hr-admin': {},
  employee: { sub: '0190a000-0000-7000-8000-0000000000c2', roles: ['employee:self'] },
  'other-tenant': { sub: '0190a000-0000-7000-8000-0000000000c3', tid: tenants.other },
  spendthrift: { sub: '0190a000-0000-7000-8000-0000000000c4', roles: ['employee:self'] },
}

describe('the local edge', () => {
  const services = [thingsService, doorService]
  const origin = 'https://app.example.com'
  let issuer: Issuer
  let apps: Running[]
  let edge: RunningEdge

  beforeAll(async () => {
    issuer = await startIssuer()
    apps = await Promise.all(
      [createThingsApp(), createDoorApp()].map((app) => serveOn(getRequestListener(app.fetch))),
    )
    const addresses = { things: apps[0]!.url, door: apps[1]!.url }
    edge = await serveEdge({ ...issuer, services, addresses, origins: [origin] })
  })
  afterAll(async () => {
    await edge.close()
    await Promise.all(apps.map((app) => app.close()))
    issuer.close()
  })

  const subject = (): Subject => ({
    url: edge.url,
    services,
    origin,
    jwks: issuer.jwks,
    has: () => true,
    token: (who) => issuer.sign(claims[who]),
    sign: issuer.sign,
    item: `/v1/things/${tenants.own}`,
    events: '/v1/things/watch',
    mayExhaust: true,
  })
  edgeSuite(subject)
})
