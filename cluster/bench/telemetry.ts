/**
 * `npm run bench:telemetry`: what it costs that services tell of themselves. Beside the pods of workforce and directory stand
 * some that are the same in all but the endpoint of the collector; the same requests from outside go to these and to those in
 * turns. Proxies tell theirs in both. Its ratios are what compares.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { edge } from '../../mesh/graph.ts'
import { namespaces } from '../../mesh/resource.ts'
import { versionLabel } from '../../mesh/versions.ts'
import { workforceContract } from '../../services/workforce/contract.ts'
import '../conformance/setup.ts'
import { type Company, newCompany } from '../conformance/harness/company.ts'
import { publicUrl } from '../conformance/harness/edge.ts'
import { eventually } from '../conformance/harness/eventually.ts'
import { label } from '../conformance/harness/faults.ts'
import { apply, kubectl, list, readyPods } from '../conformance/harness/kubernetes.ts'
import { type Call, startLoad } from '../conformance/harness/load.ts'
import { percentile } from '../conformance/harness/percentile.ts'
import { upstreamsOf } from '../conformance/harness/proxies.ts'
import { podOf } from '../conformance/harness/workloads.ts'
import { usesOf } from './containers.ts'

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '20' },
    pairs: { type: 'string', default: '6' },
  },
})
const [rate, seconds, pairs] = [values.rate, values.seconds, values.pairs].map(Number) as [
  number,
  number,
  number,
]

const say = (text: string) => process.stdout.write(`${text}\n`)
const namespace = namespaces.services
/** In the order in which a request comes to them. */
const path = ['workforce', 'directory'] as const
const mark = 'staffmesh.dev/silent'

const variants = ['with', 'without'] as const
type Variant = (typeof variants)[number]
const nameOf = (service: string, variant: Variant) => (variant === 'with' ? service : `${service}-silent`)
const selectorOf = (service: string, variant: Variant) => `app.kubernetes.io/name=${nameOf(service, variant)}`

async function addSilent(service: string): Promise<void> {
  const [own] = await list('deployments', namespace, selectorOf(service, 'with'))
  const { metadata, spec } = own!.spec.template
  const name = nameOf(service, 'without')
  const labels = { 'app.kubernetes.io/name': name }
  const [container] = spec.containers
  const env = container.env.filter((each: { name: string }) => each.name !== 'OTEL_EXPORTER_OTLP_ENDPOINT')
  await apply({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels: { [mark]: service } },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { ...metadata, labels: { ...metadata.labels, ...labels, [versionLabel]: 'aside' } },
        spec: { ...spec, containers: [{ ...container, env }] },
      },
    },
  })
  await kubectl(['rollout', 'status', `deployment/${name}`, '--namespace', namespace, '--timeout', '90s'])
}

async function lead(variant: Variant): Promise<void> {
  let caller = await podOf(edge)
  for (const service of path) {
    for (const each of variants) await label(nameOf(service, each), each === variant ? 'stable' : 'aside')
    const [pod] = await readyPods(namespace, selectorOf(service, variant))
    await eventually(`${caller.name} asks ${pod!.metadata.name} alone`, async () => {
      const known = (await upstreamsOf(caller, service)).map(({ address }) => address)
      if (known.length !== 1 || known[0] !== pod!.status.podIP) throw new Error(known.join())
    })
    caller = { name: pod!.metadata.name, namespace }
  }
}

/** Milliseconds of processor so far, of the services and of the proxies beside them. */
async function used(variant: Variant): Promise<Record<'services' | 'proxies', number>> {
  const uses = await Promise.all(
    path.map(async (service) => usesOf((await readyPods(namespace, selectorOf(service, variant)))[0]!)),
  )
  const sum = (container: string) => uses.reduce((total, each) => total + each[container]!.cpu, 0)
  return { services: sum('service'), proxies: sum('istio-proxy') }
}

const { searchEmployees, createPosition } = workforceContract.operations

/** Three reads and a command. */
function callsOf(company: Company): Call[] {
  const send = async (method: string, url: string, body?: object) => {
    const response = await fetch(publicUrl + url, {
      method,
      headers: {
        authorization: `Bearer ${await company.token()}`,
        ...(body ? { 'content-type': 'application/json', 'idempotency-key': randomUUID() } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${response.status}: ${text}`)
  }
  const search = { name: 'search', send: () => send('GET', searchEmployees.route!.path) }
  const create = {
    name: 'create',
    send: () =>
      send('POST', createPosition.route!.path, { code: `P${randomUUID().slice(0, 8)}`, title: 'Bench' }),
  }
  return [search, search, search, create]
}

type Figures = Record<'services' | 'proxies' | 'p50' | 'p99', number>

async function measure(variant: Variant, calls: readonly Call[]): Promise<Figures> {
  await lead(variant)
  const before = await used(variant)
  const load = startLoad(calls, rate)
  await sleep(seconds * 1000)
  const { answered, failures, latency } = await load.stop()
  if (failures.length > 0) throw new Error(`${failures.length} requests failed, e.g. ${failures[0]!.reason}`)
  // What they tell later is of these requests too.
  await sleep(2000)
  const after = await used(variant)
  const each = (part: 'services' | 'proxies') => (after[part] - before[part]) / answered
  return { services: each('services'), proxies: each('proxies'), p50: latency.p50, p99: latency.p99 }
}

const meaning: Record<keyof Figures, string> = {
  services: 'CPU of services, ms a request',
  proxies: 'CPU of their proxies, ms a request',
  p50: 'p50, ms',
  p99: 'p99, ms',
}

try {
  for (const service of path) await addSilent(service)
  // A token may ask twenty times a second.
  const companies = await Promise.all(Array.from({ length: Math.ceil(rate / 15) }, () => newCompany()))
  const calls = companies.flatMap(callsOf)
  for (const variant of variants) await measure(variant, calls)
  const all: Record<Variant, Figures>[] = []
  for (let pair = 0; pair < pairs; pair++) {
    const found: Partial<Record<Variant, Figures>> = {}
    // Now the one first, now the other.
    for (const variant of pair % 2 === 0 ? variants : variants.toReversed())
      found[variant] = await measure(variant, calls)
    all.push(found as Record<Variant, Figures>)
  }
  say('| | with | without | ratio | median |\n| --- | --- | --- | --- | --- |')
  for (const [figure, what] of Object.entries(meaning) as [keyof Figures, string][]) {
    const ratios = all.map((pair) => pair.with[figure] / pair.without[figure])
    const list = (values: readonly number[], digits: number) =>
      values.map((each) => each.toFixed(digits)).join(' ')
    const columns = variants.map((variant) =>
      list(
        all.map((pair) => pair[variant][figure]),
        1,
      ),
    )
    say(`| ${[what, ...columns, list(ratios, 2), percentile(ratios, 0.5).toFixed(2)].join(' | ')} |`)
  }
} finally {
  for (const service of path) await label(nameOf(service, 'with'), 'stable')
  await kubectl(['delete', 'deployment', '--selector', mark, '--namespace', namespace])
}
