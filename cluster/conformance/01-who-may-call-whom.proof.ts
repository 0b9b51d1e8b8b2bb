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
import { endPods, startIdentities } from './harness/probes.ts'
import { measured } from './harness/report.ts'
import { askFrom, evaluateIn, newRequestId, untraced } from './harness/requests.ts'
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

/** A question, and what the proxies said. */
interface Said {
  name: string
  declared: boolean
  /** By which an application writes of it. */
  id: string
  status: number
}

/** For what is refused before anybody counts it. */
const tokens = new Map(
  await Promise.all(authorities.map(async (each) => [each, await tokenFor(each)] as const)),
)

/**
 * What is declared with one kind of token is asked with all; else with tokens, which let in whom none lets in, and by who
 * may call nothing at all with a user's, since no policy knows one such caller from another.
 */
function questionsOf(caller: string) {
  const questions = operations.map((asked) =>
    authorities.map((authority) => ({ asked, authority, declared: isDeclared(caller, asked, authority) })),
  )
  const calls = questions.flat().some(({ declared }) => declared)
  const tried = calls ? ['a user’s token', 'a job’s token'] : ['a user’s token']
  return questions.flatMap((each) =>
    each.some(({ declared }) => declared) ? each : each.filter(({ authority }) => tried.includes(authority)),
  )
}

/**
 * Asks everything from a pod, with each kind of token. No question can be answered well, for values and media type are
 * wrong: applications refuse them, which is as good a sign that they were reached. Each token that counts is of another
 * tenant, so that no limit is met. Some statuses say nothing of who may ask: such a question is asked again.
 */
async function askAll(pod: PodRef, caller: string, untold: readonly number[]): Promise<Said[]> {
  let open = questionsOf(caller)
  const said: Said[] = []
  await eventually(`${caller} gets answers`, async () => {
    const answered = await askOnce(pod, open)
    const isTold = ({ status }: Said) => !untold.includes(status)
    said.push(...answered.filter(isTold))
    open = open.filter((_, index) => !isTold(answered[index]!))
    askedAgain.set(pod, (askedAgain.get(pod) ?? 0) + open.length)
    expect(answered.filter((each) => !isTold(each)).map(({ name }) => name)).toEqual([])
  })
  return said
}

/** How many questions, since nobody could be reached. */
const askedAgain = new Map<PodRef, number>()

async function askOnce(
  pod: PodRef,
  open: readonly { asked: Asked; authority: Authority; declared: boolean }[],
): Promise<Said[]> {
  const questions = open.map((question) => ({ ...question, id: newRequestId() }))
  const answers = await askFrom(
    pod,
    await Promise.all(
      questions.map(async ({ asked: { callee, method, path }, authority, declared, id }) => ({
        url: addressOf(callee) + path.replaceAll(/\{\w+\}/g, 'conformance'),
        method,
        headers: {
          ...(declared ? await tokenFor(authority) : tokens.get(authority)),
          'x-request-id': id,
          traceparent: untraced(),
          'content-type': 'text/plain',
        },
        // A proxy that refuses a request before its body has come closes the connection.
        ...(declared && method !== 'GET' ? { body: 'conformance' } : {}),
      })),
    ),
  )
  return questions.map(({ asked: { callee, method, path }, authority, declared, id }, index) => {
    const { status, error = '' } = answers[index]!
    return {
      name: `${method} ${callee}${path} with ${authority}: ${status} ${error}`,
      declared,
      id,
      status,
    }
  })
}

const ownPods = await runningPods()

let probes: Map<Identity, PodRef>
const said = new Map<PodRef, Said[]>()
/** The ids of all questions that an application has written of. */
let heard: Set<string>

beforeAll(async () => {
  probes = await startIdentities(identities)
  const askers = [
    // The proxy of a pod that has just started may not listen yet; it knows all services.
    ...[...probes].map(([{ principal }, pod]) => ({ principal, pod, untold: [0, 503] })),
    ...ownPods.map((pod) => ({ principal: pod.principal, pod, untold: [503] })),
  ].values()
  const since = new Date()
  // Several at a time: starting what asks takes as long as asking.
  const work = async () => {
    for (const { principal, pod, untold } of askers) said.set(pod, await askAll(pod, principal, untold))
  }
  await Promise.all(Array.from({ length: 4 }, work))
  // A line of a log takes a moment to get here; what was declared and asked last shows that all lines are there.
  heard = await eventually(
    'The applications have logged what they were asked',
    async () => {
      const logs = await Promise.all(services.map(({ name }) => heardBy(name, since)))
      const ids = new Set(logs.flatMap((log) => [...log.keys()]))
      const missing = [...said.values()].flat().filter(({ declared, id }) => declared && !ids.has(id))
      expect(missing.map(({ name }) => name)).toEqual([])
      return ids
    },
    10,
  )
})

afterAll(() => endPods([...probes.values()]))

/** Of what is not declared: what got through to an application, and what was answered by no refusal of these kinds. */
function expectRefusals(pod: PodRef, statuses: readonly number[]): void {
  const undeclared = said.get(pod)!.filter(({ declared }) => !declared)
  expect(undeclared.filter(({ id }) => heard.has(id)).map(({ name }) => name)).toEqual([])
  expect(undeclared.filter(({ status }) => !statuses.includes(status)).map(({ name }) => name)).toEqual([])
}

describe('1. who may call whom, past the caller’s own proxy: the callee’s lets in what is declared, all else is 403', () => {
  it.each(identities)('$namespace/$account', (identity) => {
    const pod = probes.get(identity)!
    expectRefusals(pod, [403])
    const declared = said.get(pod)!.filter((each) => each.declared)
    measured(
      identity.principal,
      `${declared.length} of ${said.get(pod)!.length} let in, the rest refused; ${askedAgain.get(pod)} asked again`,
    )
  })
})

describe('1. who may call whom, from the product’s own pods: what is declared answers, nothing else gets through', () => {
  it.each(ownPods)('$namespace/$name', (pod) => {
    // Its own proxy knows no such place (502), or no other service at all (0: it closes the connection).
    expectRefusals(pod, [403, 502, 0])
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

  /** Of each identity, in the order of the stores: whether it was answered. */
  let answered: (readonly [Identity, boolean[]])[]
  beforeAll(async () => {
    answered = await Promise.all(
      [...probes].map(async ([identity, pod]) => {
        const heard = await knockFrom(pod, stores)
        return [identity, heard.map(({ answer }) => answer !== '')] as const
      }),
    )
  })

  it.each(stores.map((store, index) => ({ ...store, index })))(
    '$what is reached by its own and by nobody else',
    ({ callers, index }) => {
      const reached = answered.filter(([, of]) => of[index]).map(([identity]) => identity.principal)
      expect(reached.sort()).toEqual([...callers].sort())
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
