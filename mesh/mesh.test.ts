import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { contract, query } from '#kit/contract.ts'
import type { Service } from '#kit/service.ts'
import { services } from '../services/index.ts'
import { databases } from './databases.ts'
import { egress } from './egress.ts'
import { globalLimits, limitConfiguration } from './global-limits.ts'
import { graphOf } from './graph.ts'
import { mesh } from './index.ts'
import { countedCalls } from './limits.ts'
import { because, type Resource } from './resource.ts'
import { behaviourOf } from './traffic.ts'

const issuer = { url: 'https://staffmesh.test/oidc', jwks: '{"keys":[]}' }
const graph = graphOf(services)
const policies = mesh(services, { issuer, instanceOf: () => 'main' })
const callers = ['edge', ...services.map((service) => service.name)]

interface Rule {
  from: { source: { principals: string[] } }[]
}

describe('every policy', () => {
  it('says why it stands there and names no service that does not exist', () => {
    const others = [
      'default',
      'deny-all',
      'main',
      'provisioning',
      'ratelimit',
      'ratelimit-store',
      'global-limits',
      'limit-problems',
      'failure-problems',
      'request-ids',
      'telemetry-untraced',
      'otel-collector',
      'proxy-metrics',
      'jaeger',
      'prometheus',
    ]
    const names = [
      ...callers.flatMap((name) => [name, `${name}-tenant-limits`, `${name}-global-limits`]),
      ...others,
    ]
    for (const resource of Object.values(policies).flat()) {
      expect(resource.metadata.annotations[because]).toBeTruthy()
      expect(names).toContain(resource.metadata.name)
    }
  })
})

describe('the keys that tokens are checked with', () => {
  it('are refused where they are private ones', () => {
    const jwks = '{"keys":[{"kty":"RSA","n":"…","e":"AQAB","d":"…"}]}'
    expect(() => mesh(services, { issuer: { ...issuer, jwks }, instanceOf: () => 'main' })).toThrow(
      'give the public ones',
    )
  })
})

describe('packets', () => {
  it('reach a service only from its callers', () => {
    type Peer = { podSelector: { matchLabels: Record<string, string> } }
    for (const service of services) {
      const policy = policies.network!.find((resource) => resource.metadata.name === service.name)!
      const [rule] = policy.spec.ingress as { from: Peer[] }[]
      const callersOfIt = graph.edges.filter((e) => e.callee === service.name).map((e) => e.caller)
      // A service that nobody calls yet has no rule.
      const admitted = (rule?.from ?? []).map(
        (peer) => peer.podSelector.matchLabels['app.kubernetes.io/part-of'],
      )
      expect(admitted).toEqual([...new Set(callersOfIt)].sort())
    }
  })
})

describe('retries', () => {
  it('are only where a second try is harmless, inside the deadline', () => {
    for (const call of graph.edges) {
      const { retried, timeout } = behaviourOf(call)
      if (call.kind === 'stream') expect([retried, timeout]).toEqual(['unsent', undefined])
      else expect(timeout).toBe(call.deadline)
      if (call.kind === 'command' && call.caller === 'edge') expect(retried).toBe('with-idempotency-key')
    }
  })
})

describe('limits per tenant', () => {
  it('count each query and command once, and no stream', () => {
    for (const service of services) {
      const limits = countedCalls(graph, service.name)
      for (const call of graph.edges.filter((e) => e.callee === service.name)) {
        const path = call.path.replaceAll(/\{\w+\}/g, 'x')
        const counted = limits.filter(
          (limit) => limit.method === call.method && new RegExp(`^(${limit.path})$`).test(path),
        )
        expect(counted.map((limit) => limit.kind)).toEqual(call.kind === 'stream' ? [] : [call.kind])
      }
    }
  })
})

describe('limits over all replicas', () => {
  it('count what comes from outside, and nothing a second time further in', () => {
    const limited = globalLimits(graph).map(({ service }) => service)
    const fromOutside = graph.edges.filter((e) => e.caller === 'edge').map((e) => e.callee)
    expect(new Set(limited)).toEqual(new Set(fromOutside))
  })

  it('refuse a window that the rate limit service does not know', () => {
    const odd = services.map((service) => ({
      ...service,
      limits: { ...service.limits, perAddress: { requests: 1, seconds: 7 } },
    }))
    expect(() => limitConfiguration(graphOf(odd))).toThrow(
      'a limit per address counts 7 seconds, and the rate limit service only knows windows of 1, 60, 3600, 86400',
    )
  })
})

describe('deadlines', () => {
  // What a job may call too has the job's own, longer deadline.
  it('of a caller contain those of its callees', () => {
    for (const service of services.filter((s) => s.layer === 'application')) {
      const longest = Math.max(...Object.values(service.contract.operations).map((op) => op.deadline))
      for (const call of graph.edges.filter(
        (e) => e.caller === service.name && e.access.every((access) => access === 'user'),
      ))
        expect(longest, `${service.name} → ${call.callee}.${call.operation}`).toBeGreaterThanOrEqual(
          call.deadline,
        )
    }
  })
})

describe('databases', () => {
  const among = (outside: Record<string, { host: string; port: number }>) =>
    databases(graph, {
      instanceOf: (service) => (service === 'directory' ? 'directory' : 'main'),
      outside,
    })
  const principalsAt = (resources: Resource[], instance: string) =>
    resources
      .filter(({ kind, metadata }) => kind === 'AuthorizationPolicy' && metadata.name === instance)
      .flatMap(({ spec }) => (spec.rules as Rule[])[0]!.from[0]!.source.principals)

  it('admit the services that keep their data there, and nobody else', () => {
    const principals = principalsAt(among({}), 'directory')
    expect(principals).toEqual([
      'cluster.local/ns/staffmesh/sa/directory',
      'cluster.local/ns/staffmesh/sa/directory-migration',
      'cluster.local/ns/staffmesh-data/sa/directory-provisioning',
    ])
    expect(principalsAt(among({}), 'main').filter((each) => principals.includes(each))).toEqual([])
  })

  it('outside the cluster are hosts that only the proxies of their services know', () => {
    const outside = { directory: { host: 'postgres.example', port: 6432 } }
    expect(principalsAt(among(outside), 'directory')).toEqual([])
    const entries = among(outside).filter(({ kind }) => kind === 'ServiceEntry')
    expect(entries.map(({ spec }) => spec.hosts)).toEqual([['postgres.example']])
    const knowing = egress(graph, {
      instanceOf: (service) => (service === 'directory' ? 'directory' : 'main'),
      outside,
    }).filter(({ spec }) => JSON.stringify(spec.egress).includes('staffmesh-data/postgres.example'))
    expect(knowing.map(({ metadata }) => metadata.name)).toEqual(['directory'])
  })
})

describe('a graph that cannot be lived with', () => {
  it('is refused with the remedy', () => {
    const [first] = services
    expect(() => graphOf([first, first])).toThrow(`Two services are called ${first.name}`)
    const without = services.filter(({ name }) => name !== 'directory')
    expect(() => graphOf(without)).toThrow('add it there')
  })

  it('is refused where calls go in a circle, or up', () => {
    const named = (name: string) => services.find((service) => service.name === name)!
    const calling = (caller: string, callee: string): Service[] =>
      services.map((service) =>
        service.name === caller
          ? {
              ...service,
              calls: { [callee]: { contract: named(callee).contract, operations: [operationOf(callee)] } },
            }
          : service,
      )
    const operationOf = (name: string) => Object.keys(named(name).contract.operations)[0]!
    expect(() => graphOf(calling('directory', 'workforce'))).toThrow(
      'Services call each other in a circle: directory → workforce → directory. Break one of the calls',
    )
    expect(() => graphOf(calling('identity', 'directory'))).toThrow(
      'identity is a data service and calls directory: let an application service bring the two together',
    )
    expect(() => graphOf(calling('workforce', 'lifecycle'))).toThrow(
      'workforce calls lifecycle, which is no data service',
    )
  })

  it('is refused where an operation has no deadline', () => {
    const ask = query({
      summary: 'Asks',
      deadline: Number.NaN,
      input: z.strictObject({}),
      output: z.object({}),
    })
    expect(() => contract({ service: 'slow', layer: 'data', problems: {}, operations: { ask } })).toThrow(
      'slow.ask: give a deadline in milliseconds',
    )
  })
})
