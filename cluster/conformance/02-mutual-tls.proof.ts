import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { edge, graphOf } from '../../mesh/graph.ts'
import { namespaces, principal, principalOf } from '../../mesh/resource.ts'
import { services } from '../../services/index.ts'
import { certificatesFor } from './harness/certificates.ts'
import { eventually } from './harness/eventually.ts'
import { spiffe } from './harness/identities.ts'
import { forward, kubectl, type PodRef, read } from './harness/kubernetes.ts'
import { applicationPorts, knockAt, placeOf, runningPodsOfOurs } from './harness/ports.ts'
import { elsewhere, type Stranger, startStrangers } from './harness/probes.ts'
import { proxyAdmin } from './harness/proxies.ts'
import { measured } from './harness/report.ts'
import { askFrom } from './harness/requests.ts'
import { knockFrom, knockHere } from './harness/sockets.ts'
import { addressOf, podOf, podsOf } from './harness/workloads.ts'

const graph = graphOf(services)

let strangers: Record<Stranger, PodRef>
beforeAll(async () => {
  strangers = await startStrangers('node', 'outsider', 'neighbour', 'sneak')
})

const places = [
  { from: 'node', where: 'from the node' },
  { from: 'outsider', where: 'from a pod without a sidecar' },
  { from: 'sneak', where: 'from a pod of another namespace, past its sidecar' },
] as const

describe('2. mutual TLS: plaintext is refused by every application port of every pod, but the public one', () => {
  it('the words that are tried are those that the applications answer to, inside their pods', async () => {
    const ports = await applicationPorts()
    // On a busy machine a tunnel breaks now and then.
    for (const port of ports)
      await eventually(`${placeOf(port)} answers`, async () => {
        const tunnel = await forward(port.pod.metadata, port.port)
        const { answer, ended } = await knockHere({ ...knockAt(port), host: '127.0.0.1', port: tunnel.port })
        tunnel.close()
        if (!answer) throw new Error(ended)
      })
    measured('ports', ports.length)
  })

  it('only the edge has a public port', async () => {
    const open = (await applicationPorts()).filter(({ isPublic }) => isPublic)
    expect(open.length).toBeGreaterThan(0)
    expect(open.filter(({ pod }) => pod.metadata.namespace !== namespaces.edge).map(placeOf)).toEqual([])
  })

  it.each(places)('$where', async ({ from }) => {
    const ports = await applicationPorts()
    const heard = await knockFrom(strangers[from], ports.map(knockAt))
    const answered = ports.filter((_, index) => heard[index]!.answer)
    expect(answered.map(placeOf)).toEqual(ports.filter(({ isPublic }) => isPublic).map(placeOf))
  })
})

describe('2. mutual TLS: certificates', () => {
  it('one of another authority is refused in the handshake, whatever name it bears, and so is none at all', async () => {
    const name = spiffe(principalOf('workforce'))
    const { of } = await certificatesFor([name, 'spiffe://elsewhere.test/ns/staffmesh/sa/workforce'])
    const ports = (await applicationPorts()).filter(({ isPublic }) => !isPublic)
    for (const own of [...Object.values(of), undefined]) {
      const heard = await knockFrom(
        strangers.outsider,
        ports.map((port) => ({
          ...knockAt(port),
          tls: {
            ...(own ? { key: own.key, cert: own.certificate } : {}),
            ALPNProtocols: ['istio'],
            // In 1.3 the client is done before the server has looked at its certificate.
            maxVersion: 'TLSv1.2' as const,
          },
        })),
      )
      const accepted = ports.filter((_, index) => heard[index]!.peer !== undefined || heard[index]!.answer)
      expect(accepted.map(placeOf)).toEqual([])
      // An alert of the peer that looked at what it was shown, not a connection that failed for another reason.
      const ends = new Set(heard.map(({ ended }) => ended))
      measured(own ? 'a foreign certificate' : 'no certificate', [...ends].join())
      for (const ended of ends) expect(ended).toMatch(/ALERT|ECONNRESET/)
    }
  })

  it('each pod shows the identity of its ServiceAccount, and the mesh vouches for it', async () => {
    const { data: roots } = await read('configmaps', elsewhere, 'istio-ca-root-cert')
    const ports = (await applicationPorts()).filter(({ isPublic }) => !isPublic)
    const heard = await knockFrom(
      strangers.outsider,
      ports.map((port) => ({
        ...knockAt(port),
        tls: { ca: roots!['root-cert.pem']!, ALPNProtocols: ['istio'] },
      })),
    )
    const shown = ports.map((port, index) => [placeOf(port), heard[index]!.peer, heard[index]!.vouched])
    const expected = ports.map((port) => {
      const { metadata, spec } = port.pod
      return [placeOf(port), `URI:${spiffe(principal(metadata.namespace, spec.serviceAccountName))}`, true]
    })
    expect(shown).toEqual(expected)
  })

  it('each proxy calls with the identity of its ServiceAccount, and with no other', async () => {
    for (const { metadata, spec } of await runningPodsOfOurs()) {
      const { certificates } = JSON.parse(await proxyAdmin(metadata, 'certs')) as {
        certificates: { cert_chain: { subject_alt_names: { uri?: string }[] }[] }[]
      }
      const names = certificates.flatMap(({ cert_chain: chain }) =>
        chain.flatMap(({ subject_alt_names: all }) => all.map(({ uri }) => uri)),
      )
      expect(names, metadata.name).not.toEqual([])
      expect(new Set(names), metadata.name).toEqual(
        new Set([spiffe(principal(metadata.namespace, spec.serviceAccountName))]),
      )
    }
  })

  const callers = [...new Map(graph.edges.map(({ caller, callee }) => [caller, callee]))]
  it.each(callers)('a call of %s is seen by %s with that identity', async (caller, callee) => {
    expect(await seenBy(callee, await podOf(caller))).toBe(spiffe(principalOf(caller)))
  })

  it('a call from another namespace is seen with the identity it has there', async () => {
    const callee = graph.edges.find(({ caller }) => caller !== edge)!.callee
    expect(await seenBy(callee, strangers.neighbour)).toBe(spiffe(principal(elsewhere, 'neighbour')))
  })
})

/** Whom the callee's proxy has logged as the caller of a request that it refused. */
async function seenBy(callee: string, caller: PodRef): Promise<string | null> {
  const trace = randomBytes(16).toString('hex')
  const [answer] = await askFrom(caller, [
    {
      url: `${addressOf(callee)}/conformance`,
      headers: { traceparent: `00-${trace}-${randomBytes(8).toString('hex')}-01` },
    },
  ])
  expect(answer!.status, answer!.error).toBe(403)
  return eventually(
    'The callee’s proxy has logged the call',
    async () => {
      const logs = await Promise.all(
        (await podsOf(callee)).map(({ name, namespace }) =>
          kubectl(['logs', name, '--namespace', namespace, '-c', 'istio-proxy', '--since', '2m']),
        ),
      )
      const line = logs
        .join('\n')
        .split('\n')
        .find((each) => each.includes(trace))
      if (!line) throw new Error(`No line has the trace ${trace}`)
      return (JSON.parse(line) as { caller: string | null }).caller
    },
    20,
  )
}
