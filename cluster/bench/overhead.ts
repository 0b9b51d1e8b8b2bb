/**
 * `npm run bench:mesh`: what the mesh costs. The same read, once without a proxy, once over one hop of the mesh, once the
 * whole way from outside, in turns and at the same rate, in one run on one machine. Its ratios are what compares.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { encodeRoles, identityHeaders } from '#kit/caller.ts'
import { edge } from '../../mesh/graph.ts'
import { namespaces, servicePort } from '../../mesh/resource.ts'
import { directoryContract } from '../../services/directory/contract.ts'
import { workforceContract } from '../../services/workforce/contract.ts'
import '../conformance/setup.ts'
import { type Company, newCompany } from '../conformance/harness/company.ts'
import { edgeAddress, publicUrl } from '../conformance/harness/edge.ts'
import { exec, type KubeObject, readyPods } from '../conformance/harness/kubernetes.ts'
import { percentile } from '../conformance/harness/percentile.ts'
import { addressOf } from '../conformance/harness/workloads.ts'
import { run } from '../shell.ts'
import { client, type Load, type Measured } from './client.ts'
import { type Use, usesOf } from './containers.ts'

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '5' },
    out: { type: 'string' },
  },
})
const [rate, seconds, rounds] = [values.rate, values.seconds, values.rounds].map(Number) as [
  number,
  number,
  number,
]

const say = (text: string) => process.stdout.write(`${text}\n`)
const podOf = async (name: string, namespace: string = namespaces.services) =>
  (await readyPods(namespace, `app.kubernetes.io/name=${name}`))[0]!

interface Way {
  name: string
  /** Who takes part, and what is counted of them. */
  pods: readonly KubeObject[]
  /** The container that asks, whose use of the processor is not the system's. */
  asker?: string
  send: () => Promise<Measured>
}

async function ways(company: Company): Promise<Way[]> {
  const [directory, workforce, gateway] = [
    await podOf(directoryContract.service),
    await podOf(workforceContract.service),
    await podOf(edge, namespaces.edge),
  ]
  const claims = JSON.parse(
    Buffer.from((await company.token()).split('.')[1]!, 'base64url').toString(),
  ) as Record<'sub' | 'tid' | 'azp', string> & { roles: string[] }
  const body = JSON.stringify({ limit: 50, scope: { reach: 'all' } })
  const json = { 'content-type': 'application/json' }
  const load = async (url: string, rest: Omit<Load, 'url' | 'rate' | 'seconds'>) =>
    JSON.stringify({ url, rate, seconds, ...rest } satisfies Load)
  const inPod = async (pod: KubeObject, input: string) =>
    JSON.parse(
      await exec(
        { name: pod.metadata.name, namespace: pod.metadata.namespace, container: 'service' },
        ['node', '--input-type=module', '--eval', client],
        input,
      ),
    ) as Measured
  const operation = `/${'searchEmployees' satisfies keyof typeof directoryContract.operations}`
  const route = workforceContract.operations.searchEmployees.route!
  return [
    {
      name: 'no proxy: the service alone, asked from its own pod',
      pods: [directory],
      asker: 'directory/service',
      send: async () =>
        inPod(
          directory,
          await load(`http://127.0.0.1:${servicePort}${operation}`, {
            method: 'POST',
            body,
            headers: {
              ...json,
              [identityHeaders.sub]: claims.sub,
              [identityHeaders.tid]: claims.tid,
              [identityHeaders.azp]: claims.azp,
              [identityHeaders.roles]: encodeRoles(claims.roles),
            },
          }),
        ),
    },
    {
      name: 'one hop: asked from another pod, two sidecars',
      pods: [directory, workforce],
      asker: 'workforce/service',
      send: async () =>
        inPod(
          workforce,
          await load(addressOf(directoryContract.service) + operation, {
            method: 'POST',
            body,
            headers: { ...json, authorization: `Bearer ${await company.token()}` },
          }),
        ),
    },
    {
      name: 'the whole path: edge, workforce, directory',
      pods: [directory, workforce, gateway],
      send: async () => {
        const url = new URL(`${route.path}?limit=50`, publicUrl)
        url.hostname = await edgeAddress()
        const headers = { authorization: `Bearer ${await company.token()}` }
        const input = await load(url.href, { method: route.method, headers })
        return JSON.parse(
          await run(process.execPath, ['--input-type=module', '--eval', client], { input }),
        ) as Measured
      },
    },
  ]
}

interface Result {
  ms: number[]
  failed: number
  /** Milliseconds of processor by `pod/container`, beyond what it uses when nobody asks. */
  cpu: Record<string, number>
}

async function total(pods: readonly KubeObject[]): Promise<Record<string, Use>> {
  const uses = await Promise.all(
    pods.map(async (pod) =>
      Object.entries(await usesOf(pod)).map(
        ([container, use]) =>
          [`${pod.metadata.labels!['app.kubernetes.io/name']}/${container}`, use] as const,
      ),
    ),
  )
  return Object.fromEntries(uses.flat())
}

/** What a span of time costs when nobody asks: probes, feeds, proxies' own work. */
async function idle(pods: readonly KubeObject[]): Promise<Record<string, number>> {
  const before = await total(pods)
  await new Promise((resume) => setTimeout(resume, seconds * 1000))
  return difference(before, await total(pods))
}

const difference = (before: Record<string, Use>, after: Record<string, Use>) =>
  Object.fromEntries(Object.entries(after).map(([name, { cpu }]) => [name, cpu - before[name]!.cpu]))

const company = await newCompany()
const all = await ways(company)
say(`${rate} requests a second, ${seconds} s each, ${rounds} rounds in turns`)
// Connections, statements and token keys are there before it counts.
for (const way of all) await way.send()
const background = await idle(all.at(-1)!.pods)
const results = all.map((): Result => ({ ms: [], failed: 0, cpu: {} }))
for (let round = 0; round < rounds; round++)
  for (const [index, way] of all.entries()) {
    const before = await total(way.pods)
    const start = performance.now()
    const { ms, failed, cpu: asking } = await way.send()
    const share = (performance.now() - start) / (seconds * 1000)
    const used = difference(before, await total(way.pods))
    if (way.asker) used[way.asker]! -= asking
    const result = results[index]!
    result.ms.push(...ms)
    result.failed += failed
    for (const [name, cpu] of Object.entries(used))
      result.cpu[name] = (result.cpu[name] ?? 0) + cpu - (background[name] ?? 0) * share
  }

const latency = results.map(({ ms }) => [0.5, 0.9, 0.99].map((share) => percentile(ms, share)))
const processor = results.map(
  ({ cpu, ms }) => Object.values(cpu).reduce((sum, each) => sum + each, 0) / ms.length,
)
const memory = await total(all.at(-1)!.pods)
const row = (...cells: (string | number)[]) => `| ${cells.join(' | ')} |`
const times = (value: number, base: number) => `${value.toFixed(2)} (${(value / base).toFixed(1)}×)`

const report = [
  row('way', 'p50 ms', 'p90 ms', 'p99 ms', 'CPU ms a request', 'failed'),
  row('---', '---', '---', '---', '---', '---'),
  ...all.map(({ name }, index) =>
    row(
      name,
      ...latency[index]!.map((value, column) => times(value, latency[0]![column]!)),
      times(processor[index]!, processor[0]!),
      results[index]!.failed,
    ),
  ),
  '',
  row('container', 'CPU ms a request on the whole path', 'memory MiB'),
  row('---', '---', '---'),
  ...Object.entries(memory).map(([name, use]) =>
    row(
      name,
      ((results.at(-1)!.cpu[name] ?? 0) / results.at(-1)!.ms.length).toFixed(2),
      use.memory.toFixed(0),
    ),
  ),
].join('\n')
say(report)
if (values.out) await writeFile(values.out, `${report}\n`)
if (results.some(({ failed }) => failed > 0)) {
  say('Some requests failed: these numbers are not what the mesh costs')
  process.exitCode = 1
}
