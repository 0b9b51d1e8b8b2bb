import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contract } from '#kit/contract.ts'
import { type OutsideHost, service } from '#kit/service.ts'
import { restrictedContainer, restrictedPod } from '../../cdk8s/constructs/restricted.ts'
import { databasesOf, imageOf } from '../../cdk8s/environments.ts'
import { egress } from '../../mesh/egress.ts'
import { edge, graphOf } from '../../mesh/graph.ts'
import { outside } from '../../mesh/outside.ts'
import { namespaces, type Resource, selects } from '../../mesh/resource.ts'
import { services } from '../../services/index.ts'
import { addresses } from '../node/addresses.ts'
import { certificatesFor } from './harness/certificates.ts'
import { environment } from './harness/edge.ts'
import { eventually } from './harness/eventually.ts'
import { apply, kubectl, type PodRef } from './harness/kubernetes.ts'
import { measured } from './harness/report.ts'
import { evaluateIn } from './harness/requests.ts'
import { podOf } from './harness/workloads.ts'

/** A service that is there for this proof alone; what it declares is rendered as any other's is. */
const probe = 'egress-probe'
const probeCalling = (declared: Record<string, OutsideHost>) =>
  service({
    contract: contract({ service: probe, layer: 'data', problems: {}, operations: {} }),
    calls: {},
    slo: { availability: 0.999, latency: { query: 200, command: 500 } },
    scaling: { min: 1, max: 1, cpu: 70 },
    outside: declared,
  })
const because = 'it is there to be called by the proof of egress'
const declared = {
  hooks: { protocol: 'https', address: 'HOOKS_URL', deadline: 3000, because },
  partner: { protocol: 'tls', address: 'PARTNER_ADDRESS', because },
  mail: { protocol: 'tcp', address: 'MAIL_ADDRESS', because },
} as const

/** Names of the world outside, all of them this machine. */
const hosts = {
  hooks: 'hooks.outside.test',
  partner: 'partner.outside.test',
  mail: 'mail.outside.test',
  undeclared: 'undeclared.outside.test',
} as const

/** Asks URLs from inside a pod, each on a connection of its own; answers with status and body, or with why there is none. */
const client = `
import http from 'node:http'
import https from 'node:https'
let text = ''
for await (const chunk of process.stdin) text += chunk
const ask = (url) => new Promise((resolve) => {
  const { get } = url.startsWith('https') ? https : http
  const request = get(url, { rejectUnauthorized: false, timeout: 4000, agent: false }, (response) => {
    let body = ''
    response.on('data', (data) => (body += data))
    response.on('end', () => resolve(response.statusCode + ' ' + body))
    response.on('error', (error) => resolve(error.code))
  })
  request.on('timeout', () => request.destroy(new Error('silence')))
  request.on('error', (error) => resolve(error.code ?? error.message))
})
console.log(JSON.stringify(await Promise.all(JSON.parse(text).map(ask))))
`
const ask = async (pod: PodRef, urls: readonly string[]): Promise<string[]> =>
  JSON.parse(await evaluateIn(pod, client, JSON.stringify(urls)))

const greeting = 'hello from outside'

interface Outside {
  port: number
  /** How many requests came. */
  heard(): number
  close(): void
}

async function listen(make: (listener: RequestListener) => Server, port = 0): Promise<Outside> {
  let heard = 0
  const server = make((_request, response) => {
    heard++
    response.setHeader('connection', 'close').end(greeting)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, addresses.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    heard: () => heard,
    close: () => void server.close(),
  }
}

// Of another cluster nobody knows what is outside and would answer.
describe.skipIf(process.env.MESH_CONTEXT)(
  '9. hosts outside, of which this machine plays all (npm run cluster:up)',
  () => {
    const world: Record<string, Outside> = {}
    const pod: PodRef = { name: probe, namespace: namespaces.services, container: probe }
    const addressesOf = () => ({
      [probe]: {
        hooks: { host: hosts.hooks, port: world.hooks!.port },
        partner: { host: hosts.partner, port: world.partner!.port },
        mail: { host: hosts.mail, port: world.mail!.port },
      },
    })

    /** What the product renders of a declaration. */
    function rendered(outsideHosts: Record<string, OutsideHost>): Resource[] {
      const graph = graphOf([probeCalling(outsideHosts)])
      const where = Object.keys(outsideHosts).length > 0 ? addressesOf() : {}
      const sidecars = egress(graph, { ...databasesOf(environment), outsideHosts: where })
      return [...sidecars.filter(({ metadata }) => metadata.name === probe), ...outside(graph, where)]
    }

    /** As the application would ask, told by the variables that it declares. */
    const declaredUrls = () => [
      `http://${hosts.hooks}/`,
      `https://${hosts.partner}:${world.partner!.port}/`,
      `http://${hosts.mail}:${world.mail!.port}/`,
    ]
    /** By names and by address, on ports that proxies know, and on others. */
    const undeclaredUrls = () => [
      `http://${hosts.undeclared}/`,
      `http://${hosts.undeclared}:${world.other!.port}/`,
      `https://${hosts.undeclared}:${world.partner!.port}/`,
      `https://${hosts.undeclared}:${world.hooks!.port}/`,
      ...addressUrls(),
    ]
    const addressUrls = () => [
      `http://${addresses.host}/`,
      `http://${addresses.host}:${world.other!.port}/`,
      `https://${addresses.host}:${world.partner!.port}/`,
      `https://${addresses.host}:${world.hooks!.port}/`,
    ]

    const heard = () => Object.values(world).map((each) => each.heard())
    async function expectRefused(from: PodRef, urls: readonly string[]): Promise<void> {
      const before = heard()
      for (const [index, answer] of (await ask(from, urls)).entries())
        expect(answer, urls[index]).toMatch(/^502 |ECONNRESET|socket hang up/)
      expect(heard()).toEqual(before)
    }

    beforeAll(async () => {
      const { authority, of } = await certificatesFor([hosts.hooks, hosts.partner])
      const tls =
        ({ certificate: cert, key }: { certificate: string; key: string }) =>
        (listener: RequestListener) =>
          createTlsServer({ cert, key }, listener)
      world.hooks = await listen(tls(of[hosts.hooks]))
      world.partner = await listen(tls(of[hosts.partner]))
      world.mail = await listen(createServer)
      world.other = await listen(createServer)
      world.web = await listen(createServer, 80)
      await apply(
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: probe, namespace: pod.namespace },
          data: { 'ca-certificates.crt': authority },
        },
        ...rendered({}),
        {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: {
            name: probe,
            namespace: pod.namespace,
            labels: { ...selects(probe).matchLabels, 'staffmesh.dev/made-by': 'conformance' },
            annotations: {
              // The authorities that the proxy of a real pod finds in its image.
              'sidecar.istio.io/userVolume': JSON.stringify([
                { name: 'authorities', configMap: { name: probe } },
              ]),
              'sidecar.istio.io/userVolumeMount': JSON.stringify([
                { name: 'authorities', mountPath: '/etc/ssl/certs', readOnly: true },
              ]),
            },
          },
          spec: {
            ...restrictedPod,
            // As a name server would; this cluster's knows the cluster alone.
            hostAliases: [{ ip: addresses.host, hostnames: Object.values(hosts) }],
            terminationGracePeriodSeconds: 1,
            containers: [
              {
                ...restrictedContainer,
                name: probe,
                image: imageOf(environment, services[0].name),
                command: ['node', '--eval', 'setInterval(() => {}, 2 ** 30)'],
              },
            ],
          },
        },
      )
      await kubectl([
        'wait',
        '--for=condition=Ready',
        '--timeout=100s',
        `pod/${probe}`,
        '--namespace',
        pod.namespace,
      ])
    })

    afterAll(async () => {
      for (const { close } of Object.values(world)) close()
      const made = [...rendered(declared), ...rendered({})].map(
        ({ kind, metadata: { name } }) => `${kind}/${name}`,
      )
      await kubectl([
        ...['delete', '--namespace', pod.namespace, '--ignore-not-found', '--wait=false'],
        ...[...new Set(made), `Pod/${probe}`, `ConfigMap/${probe}`],
      ])
    })

    it('are refused to who declares none, by name and by address', async () => {
      await eventually('The proxy knows its place', () =>
        expectRefused(pod, [...declaredUrls(), ...undeclaredUrls()]),
      )
    })

    it('are refused to every service and to the edge, none of which declares any', async () => {
      const silent = services
        .filter(({ outside }) => Object.keys(outside).length === 0)
        .map(({ name }) => name)
      for (const workload of [...silent, edge]) await expectRefused(await podOf(workload), addressUrls())
      measured('workloads that reach nothing outside', silent.length + 1)
    })

    it('are reached by who declares them: by TLS of the proxy, by TLS of its own, and by what else it speaks', async () => {
      await apply(...rendered(declared))
      await eventually('Declared hosts are reached', async () => {
        const answers = await ask(pod, declaredUrls())
        expect(answers).toEqual(declaredUrls().map(() => `200 ${greeting}`))
      })
    })

    it('are refused to who declares others', () => expectRefused(pod, undeclaredUrls()))

    it('are refused again when they are declared no more', async () => {
      await apply(...rendered({}))
      await eventually('Hosts are forgotten', () => expectRefused(pod, declaredUrls()))
    })
  },
)
