import { describe, expect, it } from 'vitest'
import { edge, graphOf } from '../../mesh/graph.ts'
import { keyRotation } from '../../mesh/key-rotation.ts'
import { namespaces, servicePort } from '../../mesh/resource.ts'
import { services } from '../../services/index.ts'
import { environment } from './harness/edge.ts'
import { runningPods } from './harness/identities.ts'
import { apply, kubectl, list } from './harness/kubernetes.ts'
import { packetsPass } from './harness/packets.ts'
import { applicationPorts, knockAt, placeOf, runningPodsOfOurs } from './harness/ports.ts'
import { elsewhere, made, startStrangers } from './harness/probes.ts'
import { measured } from './harness/report.ts'
import { evaluateIn } from './harness/requests.ts'
import { knockFrom } from './harness/sockets.ts'

const graph = graphOf(services)
const ours = Object.values(namespaces)
const label = 'pod-security.kubernetes.io/enforce'

describe('10. Pod Security', () => {
  it.each(ours)('%s enforces restricted', async (name) => {
    const namespace = JSON.parse(await kubectl(['get', 'namespace', name, '--output', 'json']))
    expect(namespace.metadata.labels[label]).toBe('restricted')
  })

  /** The API server looks at all pods that are there when a namespace is to be bound otherwise, and warns of violators. */
  const judge = (namespace: string) =>
    kubectl([
      ...['label', 'namespace', namespace, '--dry-run=server', '--overwrite', '--warnings-as-errors'],
      // Named by number it is another than the latest, so that it is looked at anew.
      ...[`${label}=restricted`, `${label}-version=v1.34`],
    ])

  it.each(ours)('no pod in %s violates it', async (name) => {
    await judge(name)
  })

  it('a namespace with a pod that does is told of it, so the proof above can fail', async () => {
    await expect(judge('istio-system')).rejects.toThrow(/existing pods .* violate/)
  })

  const pod = (namespace: string, spec: object) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'conformance-greedy', namespace, labels: made },
    spec: { containers: [{ name: 'probe', image: 'none' }], ...spec },
  })

  it.each(ours)('a pod that is root in the network of the node is refused in %s', async (namespace) => {
    const greedy = pod(namespace, { hostNetwork: true, hostPID: true, securityContext: { runAsUser: 0 } })
    await expect(apply(greedy)).rejects.toThrow(/violates PodSecurity "restricted/)
  })

  it.each(ours)('a privileged pod is refused in %s', async (namespace) => {
    const containers = [{ name: 'probe', image: 'none', securityContext: { privileged: true } }]
    // An API server that allows none at all says so first.
    await expect(apply(pod(namespace, { containers }))).rejects.toThrow(
      /violates PodSecurity "restricted|disallowed by cluster policy/,
    )
  })
})

interface Volume {
  name: string
  projected?: { sources: { serviceAccountToken?: { audience?: string } }[] }
}

describe('10. tokens of the API server', () => {
  it('no pod that runs has one: the only token there is is the proxy’s own, which istiod alone takes', async () => {
    const pods = await runningPodsOfOurs()
    expect(pods.length).toBeGreaterThan(0)
    for (const { metadata, spec } of pods) {
      const tokens = (spec.volumes as Volume[]).flatMap(({ name, projected }) =>
        (projected?.sources ?? []).flatMap((source) =>
          source.serviceAccountToken ? [{ name, audience: source.serviceAccountToken.audience }] : [],
        ),
      )
      expect(tokens, metadata.name).toEqual([{ name: 'istio-token', audience: 'istio-ca' }])
      const holders = [...(spec.initContainers ?? []), ...spec.containers].filter(
        ({ volumeMounts = [] }: { volumeMounts?: { name: string }[] }) =>
          volumeMounts.some(({ name }) => name === 'istio-token'),
      )
      expect(
        holders.map(({ name }: { name: string }) => name),
        metadata.name,
      ).toEqual(['istio-proxy'])
    }
  })

  it('none is found inside the containers either', async () => {
    for (const pod of await runningPods()) {
      const found = await evaluateIn(
        pod,
        `import { existsSync } from 'node:fs'
         console.log(['/var/run/secrets', '/run/secrets'].filter((folder) => existsSync(folder)).join())`,
      )
      expect(found.trim(), pod.name).toBe('')
    }
  })

  it('of all that makes pods, the key rotation alone asks for one', async () => {
    const makers = await list('deployments,statefulsets,daemonsets,jobs,cronjobs')
    const asking = makers
      .filter(({ metadata }) => (ours as readonly string[]).includes(metadata.namespace))
      .filter(({ spec }) => {
        const { template } = spec.jobTemplate?.spec ?? spec
        return template.spec.automountServiceAccountToken !== false
      })
    expect(asking.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([`CronJob ${keyRotation}`])
  })
})

describe('10. NetworkPolicies', () => {
  it('there is one for each call in the graph, and none that would let another call pass', async () => {
    const policies = await list('networkpolicies')
    const pods = await runningPodsOfOurs()
    const serverOf = (workload: string) =>
      pods.find(
        ({ metadata: { labels } }) =>
          labels?.['app.kubernetes.io/part-of'] === workload &&
          labels['app.kubernetes.io/component'] === 'server',
      )!
    const workloads = [edge, ...services.map(({ name }) => name)]
    const pairs = workloads.flatMap((caller) =>
      workloads
        .filter((callee) => callee !== caller && callee !== edge)
        .map((callee) => [caller, callee] as const),
    )
    const passing = pairs.filter(([caller, callee]) =>
      packetsPass(policies, serverOf(caller), serverOf(callee), servicePort),
    )
    const declared = pairs.filter(([caller, callee]) =>
      graph.edges.some((call) => call.caller === caller && call.callee === callee),
    )
    expect(passing).toEqual(declared)
  })

  it('are NOT ENFORCED by the CNI of the bare cluster: all that they deny is reached there, and elsewhere nothing', async () => {
    const policies = await list('networkpolicies')
    const { outsider: stranger } = await startStrangers('outsider')
    const [outsider] = (await list('pods', elsewhere)).filter(
      ({ metadata }) => metadata.name === stranger.name,
    )
    const ports = await applicationPorts()
    const heard = await knockFrom(stranger, ports.map(knockAt))
    const isDenied = (index: number) =>
      !packetsPass(policies, outsider!, ports[index]!.pod, ports[index]!.port)
    const connected = ports.filter((_, index) => isDenied(index) && heard[index]!.connected).map(placeOf)
    const denied = ports.filter((_, index) => isDenied(index)).map(placeOf)
    expect(denied.length).toBeGreaterThan(0)
    measured('Connections made though NetworkPolicies deny them', `${connected.length} of ${denied.length}`)
    expect(connected).toEqual(environment.name === 'bare' ? denied : [])
    // What they let pass is reached, so the others were not lost on the way.
    const passed = ports.filter((_, index) => !isDenied(index))
    expect(passed.length).toBeGreaterThan(0)
    expect(ports.filter((_, index) => !isDenied(index) && heard[index]!.connected)).toEqual(passed)
  })
})
