import { beforeAll, describe, expect, it } from 'vitest'
import { routeOf } from '#kit/contract.ts'
import { calleesOf, graphOf } from '../../mesh/graph.ts'
import { principalOf, selects } from '../../mesh/resource.ts'
import { services } from '../../services/index.ts'
import { environment } from './harness/edge.ts'
import { eventually } from './harness/eventually.ts'
import { identities, spiffe } from './harness/identities.ts'
import { type KubeObject, list, type PodRef } from './harness/kubernetes.ts'
import { applicationPorts, knockAt, placeOf, runningPodsOfOurs } from './harness/ports.ts'
import { startProbes } from './harness/probes.ts'
import { measured } from './harness/report.ts'
import { evaluateIn, newRequestId, untraced } from './harness/requests.ts'
import { type Knock, knockFrom } from './harness/sockets.ts'
import { sign, signingKeys } from './harness/tokens.ts'
import { addressOf, heardBy, podOf } from './harness/workloads.ts'

const graph = graphOf(services)

/** The service that is taken over: it faces people, and keeps no data of its own. */
const taken = services.find(({ layer, database }) => layer === 'application' && !database)!.name

/** Who is inside its container. */
let inside: PodRef
/** Who, with the same identity, is the proxy's user besides: what that sends is not redirected into the proxy. */
let past: PodRef
let istiod: KubeObject
let ours: KubeObject[]
beforeAll(async () => {
  inside = await podOf(taken)
  const { namespace, account } = identities.find(({ principal }) => principal === principalOf(taken))!
  const labels = selects(taken).matchLabels
  const name = `conformance-${taken}-as-proxy`
  ;[past] = (await startProbes([{ name, namespace, account, labels, user: 1337 }])) as [PodRef]
  istiod = (await list('pods', 'istio-system', 'app=istiod')).find(
    ({ status }) => status.phase === 'Running',
  )!
  ours = await runningPodsOfOurs()
})

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: conformance\r\nConnection: close\r\n\r\n`

/** The status of an answer in HTTP/1.1; 0 where there is none. */
const statusOf = (answer: string) => Number(answer.match(/^HTTP\/1\.[01] (\d+)/)?.[1] ?? 0)

/** What is said to a knock: a status, or whether anything is. */
async function answers(
  from: PodRef,
  knocks: readonly Knock[],
): Promise<(number | 'something' | 'nothing')[]> {
  const heard = await knockFrom(from, knocks)
  return heard.map(({ answer }) => statusOf(answer) || (answer ? 'something' : 'nothing'))
}

/** Its own proxy's word for a place that it does not know. */
const unknownPlace = [502, 'nothing']

describe('12. a pod taken over, at the API server', () => {
  const paths = [
    '/api/v1/secrets',
    '/api/v1/pods',
    ...[...new Set(identities.map(({ namespace }) => `/api/v1/namespaces/${namespace}/secrets`))],
    '/apis/apps/v1/deployments',
    '/apis/security.istio.io/v1/authorizationpolicies',
  ]
  const apiServer = { host: 'kubernetes.default.svc', port: 443, tls: {} }
  const knocks = paths.map((path) => ({ ...apiServer, words: get(path) }))

  it('does not even get there: its proxy knows no such host', async () => {
    expect(new Set(await answers(inside, knocks))).toEqual(new Set(['nothing']))
  })

  it('is nobody there, past its proxy too: it has no token', async () => {
    expect(new Set(await answers(past, knocks))).toEqual(new Set([403]))
  })

  it('gets nothing out of the kubelet of its node', async () => {
    const { hostIP } = istiod.status
    const kubelet = ['/pods', '/runningpods/', `/run/${past.namespace}/${past.name}/probe`].map((path) => ({
      host: hostIP,
      port: 10250,
      tls: {},
      words: get(path),
    }))
    expect(new Set(await answers(inside, kubelet))).toEqual(new Set(['nothing']))
    for (const status of await answers(past, kubelet)) expect([401, 403]).toContain(status)
  })
})

describe('12. a pod taken over, at other workloads', () => {
  it('reaches no application and no database past its proxy: theirs take no plaintext', async () => {
    const ports = (await applicationPorts()).filter(({ isPublic }) => !isPublic)
    const said = await answers(past, ports.map(knockAt))
    expect(ports.filter((_, index) => said[index] !== 'nothing').map(placeOf)).toEqual([])
  })

  it('reaches none by an address either, where its proxy is in the way', async () => {
    const ports = (await applicationPorts()).filter(({ pod }) => pod.metadata.name !== inside.name)
    const said = await answers(
      inside,
      // What its own proxy takes for HTTP it answers itself.
      ports.map((port) => ({
        ...knockAt(port),
        ...(port.name.startsWith('tcp-') ? {} : { words: get('/') }),
      })),
    )
    expect(ports.filter((_, index) => !unknownPlace.includes(said[index]!)).map(placeOf)).toEqual([])
  })

  it('gets to no undeclared operation by writing its path otherwise, or by saying that it is somebody else', async () => {
    // The next one, which is good before it signs and after the keys are rotated.
    const key = (await signingKeys()).at(-1)!
    const token = await sign(key)
    const headersFor = (callee: string, id: string) => {
      const friend = graph.edges.find((call) => call.callee === callee && call.caller !== taken)!.caller
      const headers = {
        Host: new URL(addressOf(callee)).host,
        authorization: `Bearer ${token}`,
        'x-forwarded-client-cert': `By=${spiffe(principalOf(callee))};URI=${spiffe(principalOf(friend))}`,
        'content-length': '0',
        connection: 'close',
        'x-request-id': id,
        traceparent: untraced(),
      }
      return Object.entries(headers).map((pair) => pair.join(': '))
    }
    const attempts = calleesOf(graph, taken).flatMap((callee) => {
      const { contract } = services.find(({ name }) => name === callee)!
      const calls = graph.edges.filter((call) => call.callee === callee && call.caller === taken)
      return Object.entries(contract.operations)
        .filter(([operation]) => !calls.some((call) => call.operation === operation))
        .flatMap(([operation, declared]) => {
          const { method, path } = routeOf(operation, declared)
          return disguises(path, calls[0]!.path).map((disguise) => ({
            callee,
            method,
            path: disguise,
            id: newRequestId(),
          }))
        })
    })
    expect(attempts.length).toBeGreaterThan(0)
    const since = new Date()
    const heard = async () => {
      const logs = await Promise.all(calleesOf(graph, taken).map((callee) => heardBy(callee, since)))
      return new Set(logs.flatMap((log) => [...log.keys()]))
    }
    const words = ({
      callee,
      method,
      path,
      id,
    }: {
      callee: string
      method: string
      path: string
      id: string
    }) => ({
      host: new URL(addressOf(callee)).host,
      port: 80,
      words: [`${method} ${path} HTTP/1.1`, ...headersFor(callee, id), '\r\n'].join('\r\n'),
    })
    const said = await answers(inside, attempts.map(words))
    // Last comes what is declared, said in the same way: where that has been heard, the others would have been.
    const declared = calleesOf(graph, taken).map((callee) => {
      const { method, path } = graph.edges.find((call) => call.callee === callee && call.caller === taken)!
      return { callee, method, path, id: newRequestId() }
    })
    await knockFrom(inside, declared.map(words))
    const all = await eventually('What is declared has been heard', async () => {
      const ids = await heard()
      expect(declared.filter(({ id }) => !ids.has(id))).toEqual([])
      return ids
    })
    expect(attempts.filter(({ id }) => all.has(id)).map(({ callee, path }) => callee + path)).toEqual([])
    // Nothing: what is no path at all its own proxy does not even take.
    const unrefused = attempts.flatMap(({ callee, path }, index) =>
      [400, 403, 'nothing'].includes(said[index]!) ? [] : [`${callee}${path}: ${said[index]}`],
    )
    expect(unrefused).toEqual([])
    measured('disguises refused', attempts.length)
  })
})

/** Ways to write a path so that one reader takes it for another, e.g. for one that is allowed. */
const disguises = (path: string, allowed: string) => [
  path,
  `/${path}`,
  `${path}/`,
  `/.${path}`,
  `${allowed}/..${path}`,
  `${allowed}%2f..%2f${path.slice(1)}`,
  `${allowed}/%2e%2e${path}`,
  `${allowed};/..${path}`,
  `/%${path.charCodeAt(1).toString(16)}${path.slice(2)}`,
  `${path}?${allowed}`,
  `${path}%00${allowed}`,
  path.toUpperCase(),
  `\\${path.slice(1)}`,
]

describe('12. a pod taken over, at the mesh itself', () => {
  it('does not get the key of its identity out of its own proxy', async () => {
    const dump = await evaluateIn(
      inside,
      `console.log(await (await fetch('http://127.0.0.1:15000/config_dump?include_eds')).text())`,
    )
    expect(dump).toContain('"private_key"')
    expect(dump).not.toContain(Buffer.from('PRIVATE KEY-----').toString('base64').slice(0, 16))
    expect(dump).not.toContain('PRIVATE KEY')
  })

  const debugPages = ['configz', 'syncz', 'registryz', 'authorizationz', 'config_dump', 'edsz', 'instancesz']

  it('reads no debug page of istiod', async () => {
    const knocks = [15014, 8080].flatMap((port) =>
      debugPages.map((page) => ({ host: istiod.status.podIP, port, words: get(`/debug/${page}`) })),
    )
    expect(new Set(await answers(past, knocks))).toEqual(new Set([401]))
  })

  it('is given neither a certificate nor configuration by istiod: it shows no token', async () => {
    const methods = [
      '/istio.v1.auth.IstioCertificateService/CreateCertificate',
      '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
    ]
    const said = await evaluateIn(
      past,
      `import http2 from 'node:http2'
       const [host, ...paths] = ${JSON.stringify([istiod.status.podIP, ...methods])}
       const session = http2.connect('https://' + host + ':15012', { rejectUnauthorized: false })
       const ask = (path) => new Promise((resolve, reject) => {
         const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' })
         const tell = (headers) => headers['grpc-status'] && resolve(headers['grpc-status'])
         stream.on('response', tell)
         stream.on('trailers', tell)
         stream.on('error', reject)
         stream.resume()
         // An empty message.
         stream.end(Buffer.alloc(5))
       })
       console.log(JSON.stringify(await Promise.all(paths.map(ask))))
       session.close()`,
    )
    // https://grpc.io/docs/guides/status-codes/: UNAUTHENTICATED
    expect(JSON.parse(said)).toEqual(['16', '16'])
  })

  it('neither stops nor profiles another’s proxy', async () => {
    const knocks = ours.flatMap(({ status }) =>
      ['/quitquitquit', '/debug/pprof/', '/debug/ndsz'].map((path) => ({
        host: status.podIP,
        port: 15020,
        words: get(path),
      })),
    )
    const said = await answers(past, knocks)
    expect(said).toContain(403)
    // Nothing: a pod that has just ended.
    for (const status of said) expect([403, 404, 'nothing']).toContain(status)
  })
})

/** https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio */
const portsOfIstio = {
  proxy: [15000, 15001, 15004, 15006, 15008, 15020, 15021, 15053, 15090],
  istiod: [8080, 9876, 15010, 15012, 15014, 15017],
}

/** What answers to anybody whom packets let there. Each tells health or figures, or asks who is there. */
const onlyPacketsWouldStop = {
  proxy: { 15020: 'figures of the agent', 15021: 'health', 15090: 'figures of the proxy' },
  istiod: { 8080: 'health', 15014: 'figures of istiod', 15017: 'webhooks, TLS' },
}

describe('12. what only an enforced NetworkPolicy would stop', () => {
  const scan = async (from: PodRef, pods: readonly KubeObject[], ports: readonly number[]) => {
    const targets = pods.flatMap(({ metadata, status }) =>
      ports.map((port) => ({ name: metadata.name, host: status.podIP as string, port, words: get('/') })),
    )
    const said = await answers(from, targets)
    return targets.filter((_, index) => !unknownPlace.includes(said[index]!))
  }

  const vantages = {
    'inside the container': { from: () => inside, istiod: {} },
    'past its own proxy': { from: () => past, istiod: onlyPacketsWouldStop.istiod },
  }
  // Istio does not take what goes to a proxy's own ports into the caller's proxy.
  const cases = Object.entries(vantages).flatMap(([where, { from, istiod: ofIstiod }]) => [
    {
      where,
      from,
      what: 'proxies',
      pods: () => ours,
      ports: portsOfIstio.proxy,
      known: onlyPacketsWouldStop.proxy,
    },
    { where, from, what: 'istiod', pods: () => [istiod], ports: portsOfIstio.istiod, known: ofIstiod },
  ])

  it.each(cases)('from $where, of $what: the ports that are listed, and no other', async (each) => {
    const { where, from, what, known } = each
    const others = each.pods().filter(({ metadata }) => metadata.name !== from().name)
    const open = await scan(from(), others, each.ports)
    const unknown = open.filter(({ port }) => !(port in known))
    expect(unknown.map(({ name, port }) => `${name}:${port}`)).toEqual([])
    const found = [...new Set(open.map(({ port }) => port))].sort()
    const list = found.map((port) => `${port} (${(known as Record<number, string>)[port]})`).join(', ')
    measured(`Only an enforced NetworkPolicy would stop, from ${where}, at ${what}`, list || 'nothing')
    // Where packets are not held back each of them answers, so the list is what there is and not what was missed.
    if (environment.name === 'bare') expect(found.map(String)).toEqual(Object.keys(known).sort())
  })
})
