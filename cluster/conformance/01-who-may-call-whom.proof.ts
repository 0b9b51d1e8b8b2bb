import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { audiences } from '#kit/caller.ts'
import { routeOf } from '#kit/contract.ts'
import { databasesOf } from '../../cdk8s/environments.ts'
import { instancesOf, migrationAccount, provisioningAccount } from '../../mesh/databases.ts'
import { isLimited, limitService } from '../../mesh/global-limits.ts'
import { edge, graphOf } from '../../mesh/graph.ts'
import { hostOf } from '../../mesh/instances.ts'
import { limitStore } from '../../mesh/limit-service.ts'
import { postgresPort } from '../../mesh/network.ts'
import { namespaces, principal, principalOf } from '../../mesh/resource.ts'
import { services } from '../../services/index.ts'
import { environment } from './harness/edge.ts'
import { eventually } from './harness/eventually.ts'
import { type Identity, identities, runningPods } from './harness/identities.ts'
import type { PodRef } from './harness/kubernetes.ts'
import { endProbes, startIdentities } from './harness/probes.ts'
import { measured } from './harness/report.ts'
import { askFrom, evaluateIn, newRequestId } from './harness/requests.ts'
import { greetingOf, knockFrom } from './harness/sockets.ts'
import { sign, signingKeys } from './harness/tokens.ts'
import { addressOf, heardBy } from './harness/workloads.ts'

const graph = graphOf(services)

/** All that anybody could ask: each operation of each service, and each path outside its contract. */
const operations = services.flatMap(({ name, contract, publicPaths }) => [
  ...Object.entries(contract.operations).map(([operation, declared]) => ({
    callee: name,
    ...routeOf(operation, declared),
  })),
  ...publicPaths.flatMap(({ methods, path }) => methods.map((method) => ({ callee: name, method, path }))),
])
type Asked = (typeof operations)[number]

const authorities = ['no token', 'a user’s token', 'a job’s token'] as const
type Authority = (typeof authorities)[number]

/** The declarations, read as a person would: who may ask this, on whose authority. */
function isDeclared(caller: string, { callee, method, path }: Asked, authority: Authority): boolean {
  const call = graph.edges.find(
    (each) =>
      principalOf(each.caller) === caller &&
      each.callee === callee &&
      each.method === method &&
      each.path === path,
  )
  if (!call) return false
  if (call.access.length === 0 || call.access.includes('service')) return true
  if (authority === 'a user’s token') return call.access.includes('user')
  return authority === 'a job’s token' && call.access.includes('job') && call.caller !== edge
}

const [key] = await signingKeys()

async function tokenFor(authority: Authority): Promise<Record<string, string>> {
  if (authority === 'no token') return {}
  const token = await sign(
    key!,
    authority === 'a job’s token' ? { aud: audiences.job, sub: 'job:conformance' } : {},
  )
  return { authorization: `Bearer ${token}` }
}

/**
 * Asks everything from a pod, with each kind of token. No question can be answered well, for values and media type are
 * wrong: applications refuse them, which is as good a sign that they were reached. Each token that counts is of another
 * tenant, so that no limit is met.
 */
async function askAll(pod: PodRef, caller: string) {
  const questions = operations.flatMap((asked) =>
    authorities.map((authority) => ({ asked, authority, declared: isDeclared(caller, asked, authority) })),
  )
  const refused = new Map(
    await Promise.all(authorities.map(async (each) => [each, await tokenFor(each)] as const)),
  )
  const since = new Date()
  const ids = questions.map(() => newRequestId())
  const answers = await askFrom(
    pod,
    await Promise.all(
      questions.map(async ({ asked: { callee, method, path }, authority, declared }, index) => ({
        url: addressOf(callee) + path.replaceAll(/\{\w+\}/g, 'conformance'),
        method,
        headers: {
          ...(declared ? await tokenFor(authority) : refused.get(authority)),
          'x-request-id': ids[index]!,
          'content-type': 'text/plain',
        },
        ...(method === 'GET' ? {} : { body: 'conformance' }),
      })),
    ),
  )
  const heard = () =>
    Promise.all(services.map(({ name }) => heardBy(name, since))).then(
      (logs) => new Set(logs.flatMap((log) => [...log.keys()])),
    )
  const nameOf = (index: number) => {
    const { asked, authority } = questions[index]!
    return `${asked.method} ${asked.callee}${asked.path} with ${authority}: ${answers[index]!.status} ${answers[index]!.error ?? ''}`
  }
  const those = (which: (index: number) => boolean) =>
    questions
      .map((_, index) => index)
      .filter(which)
      .map(nameOf)
  // A line of a log takes a moment to get here; those of declared questions come last or together with any others.
  const all = await eventually(
    'The applications have logged what they were asked',
    async () => {
      const ofAll = await heard()
      expect(those((index) => questions[index]!.declared && !ofAll.has(ids[index]!))).toEqual([])
      return ofAll
    },
    10,
  )
  return {
    questions,
    /** Undeclared, and yet in the log of an application. */
    leaked: those((index) => !questions[index]!.declared && all.has(ids[index]!)),
    /** Undeclared, and answered otherwise than by a refusal of that kind. */
    unrefused: (statuses: readonly number[]) =>
      those((index) => !questions[index]!.declared && !statuses.includes(answers[index]!.status)),
  }
}

let probes: Map<Identity, PodRef>
beforeAll(async () => {
  probes = await startIdentities(identities)
})
afterAll(endProbes)

describe('1. who may call whom, past the caller’s own proxy: the callee’s lets in what is declared, all else is 403', () => {
  it.each(identities)('$namespace/$account', async (identity) => {
    const { questions, leaked, unrefused } = await askAll(probes.get(identity)!, identity.principal)
    expect(leaked).toEqual([])
    expect(unrefused([403])).toEqual([])
    const declared = questions.filter((each) => each.declared).length
    measured(identity.principal, `${declared} of ${questions.length} let in, the rest refused`)
  })
})

describe('1. who may call whom, from the product’s own pods: what is declared answers, nothing else gets through', async () => {
  it.each(await runningPods())('$namespace/$name', async (pod) => {
    const { leaked, unrefused } = await askAll(pod, pod.principal)
    expect(leaked).toEqual([])
    // Its own proxy knows no such place (502), or no other service at all (0: it closes the connection).
    expect(unrefused([403, 502, 0])).toEqual([])
  })
})

describe('1. what keeps data', () => {
  const options = databasesOf(environment)
  const stores = [
    ...[...instancesOf(graph, options)]
      .filter(([instance]) => environment.instances[instance]!.image)
      .map(([instance, names]) => ({
        what: `The database instance ${instance}`,
        host: hostOf(instance, options),
        port: postgresPort,
        words: greetingOf('tcp-postgres'),
        callers: names.flatMap((name) => [
          principal(namespaces.services, name),
          principal(namespaces.services, migrationAccount(name)),
          principal(namespaces.databases, provisioningAccount(name)),
        ]),
      })),
    ...('image' in environment.limits.store
      ? [
          {
            what: 'The store of the rate limits',
            host: `${limitStore.name}.${limitStore.namespace}.svc.cluster.local`,
            port: limitStore.port,
            words: greetingOf('tcp-redis'),
            callers: [principal(limitService.namespace, limitService.name)],
          },
        ]
      : []),
  ]

  it.each(stores)(
    '$what is reached by its own and by nobody else',
    async ({ host, port, words, callers }) => {
      const reached = await Promise.all(
        [...probes].map(async ([identity, pod]) => {
          const [heard] = await knockFrom(pod, [{ host, port, words }])
          return heard!.answer ? [identity.principal] : []
        }),
      )
      expect(reached.flat().sort()).toEqual([...callers].sort())
    },
  )

  it('The rate limit service is asked by those who count, and by nobody else', async () => {
    const { name, namespace, port } = limitService
    const ask = `import http2 from 'node:http2'
      const session = http2.connect('http://${name}.${namespace}.svc.cluster.local:${port}')
      const stream = session.request({
        ':method': 'POST',
        ':path': '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit',
        'content-type': 'application/grpc',
        te: 'trailers',
      })
      stream.on('response', (headers) => {
        // Envoy refuses gRPC in its own way: 7 is PERMISSION_DENIED.
        console.log(headers['grpc-status'] === '7' ? 'refused' : headers[':status'])
        session.destroy()
      })
      // An empty message.
      stream.end(Buffer.alloc(5))`
    const said = await Promise.all(
      [...probes].map(
        async ([{ principal: who }, pod]) => [who, (await evaluateIn(pod, ask)).trim()] as const,
      ),
    )
    const callers = services
      .filter((service) => isLimited(graph, service.name))
      .map((service) => principalOf(service.name))
    expect(Object.fromEntries(said)).toEqual(
      Object.fromEntries(
        identities.map(({ principal: who }) => [who, callers.includes(who) ? '200' : 'refused']),
      ),
    )
  })
})
