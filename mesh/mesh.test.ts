import { describe, expect, it } from 'vitest'
import { services } from '../services/index.ts'
import { authorization } from './authorization.ts'
import { databases } from './databases.ts'
import { egress } from './egress.ts'
import { type Edge, graphOf } from './graph.ts'
import { mesh } from './index.ts'
import { tenantLimits } from './rate-limits.ts'
import { because, principalOf, type Resource } from './resource.ts'
import { behaviourOf } from './traffic.ts'

const issuer = { url: 'https://staffmesh.test/oidc', jwks: '{"keys":[]}' }
const graph = graphOf(services)
const policies = mesh(services, { issuer, instanceOf: () => 'main' })
const callers = ['edge', ...services.map((service) => service.name)]

interface Rule {
  from: { source: { principals: string[]; requestPrincipals?: string[] } }[]
  to: { operation: { methods: string[]; paths: string[] } }[]
}

/** Whether the rendered policies let a caller use an operation: what Envoy will do, in a few lines. */
function rulesThatAllow(
  resources: Resource[],
  call: Pick<Edge, 'caller' | 'callee' | 'method' | 'path'>,
): Rule[] {
  const policy = resources.find((resource) => resource.metadata.name === call.callee)
  return ((policy?.spec.rules ?? []) as Rule[]).filter(
    (rule) =>
      rule.from.some(({ source }) => source.principals.includes(principalOf(call.caller))) &&
      rule.to.some(
        ({ operation }) =>
          operation.methods.includes(call.method) &&
          operation.paths.includes(call.path.replaceAll(/\{\w+\}/g, '{*}')),
      ),
  )
}

describe('who may call whom', () => {
  const rendered = authorization(graph, issuer.url)

  it('allows each declared call, once per kind of token', () => {
    for (const call of graph.edges) {
      const tokens = call.caller === 'edge' ? Math.min(1, call.access.length) : call.access.length
      expect(
        rulesThatAllow(rendered, call),
        `${call.caller} → ${call.callee}.${call.operation}`,
      ).toHaveLength(Math.max(1, tokens))
    }
  })

  it('allows no pair that is not declared', () => {
    const declared = new Set(graph.edges.map((e) => `${e.caller} ${e.callee} ${e.method} ${e.path}`))
    const operations = new Map(graph.edges.map((e) => [`${e.callee} ${e.method} ${e.path}`, e]))
    let refused = 0
    for (const caller of callers)
      for (const operation of operations.values()) {
        const call = { ...operation, caller }
        if (declared.has(`${caller} ${call.callee} ${call.method} ${call.path}`)) continue
        expect(rulesThatAllow(rendered, call), `${caller} → ${call.callee}.${call.operation}`).toEqual([])
        refused++
      }
    expect(refused).toBeGreaterThan(operations.size)
  })

  it('demands a token wherever a person or a job acts', () => {
    for (const resource of rendered)
      for (const rule of resource.spec.rules as Rule[])
        for (const { operation } of rule.to) {
          const call = graph.edges.find(
            (e) =>
              e.callee === resource.metadata.name &&
              e.path.replaceAll(/\{\w+\}/g, '{*}') === operation.paths[0],
          )!
          const open = call.access.length === 0 || call.access.includes('service')
          if (!open) expect(rule.from[0]!.source.requestPrincipals).toEqual([`${issuer.url}/*`])
        }
  })
})

describe('every policy', () => {
  it('says why it stands there and names no service that does not exist', () => {
    const others = ['default', 'deny-all', 'main', 'provisioning']
    const names = [...callers, ...callers.map((name) => `${name}-tenant-limits`), ...others]
    for (const resource of Object.values(policies).flat()) {
      expect(resource.metadata.annotations[because]).toBeTruthy()
      expect(names).toContain(resource.metadata.name)
    }
  })

  it('has strict mutual TLS', () => {
    for (const { kind, spec } of policies.mtls!)
      if (kind === 'PeerAuthentication') expect(spec).toEqual({ mtls: { mode: 'STRICT' } })
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
      if (call.kind === 'stream') expect([retried, timeout]).toEqual(['never', undefined])
      else expect(timeout).toBe(call.deadline)
      if (call.kind === 'command' && call.caller === 'edge') expect(retried).toBe('with-idempotency-key')
    }
  })

  it('of a command from outside need its key', () => {
    type Route = { name: string; match?: { headers?: object }[]; retries: { attempts: number } }
    const routesOf = (callee: string) =>
      policies.routes!.find((resource) => resource.metadata.name === callee)!.spec.http as Route[]
    for (const call of graph.edges.filter((e) => e.caller === 'edge' && e.kind === 'command')) {
      const [keyed, keyless] = [`${call.operation}-with-key`, call.operation].map((name) =>
        routesOf(call.callee).find((route) => route.name === name),
      )
      expect(keyed!.match![0]!.headers).toEqual({ 'idempotency-key': { regex: '.+' } })
      expect(keyed!.retries.attempts).toBeGreaterThan(0)
      expect(keyless!.retries.attempts).toBe(0)
    }
  })
})

describe('limits per tenant', () => {
  it('count each query and command once, and no stream', () => {
    for (const service of services) {
      const limits = tenantLimits(graph, service)
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
})
