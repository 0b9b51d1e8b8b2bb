import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { companyStory, type Stage } from '../../local/test-company-story.ts'
import { type Edge, edge, graphOf } from '../../mesh/graph.ts'
import { namespaces } from '../../mesh/resource.ts'
import { allowedKeys } from '../../observability/collector.ts'
import { services } from '../../services/index.ts'
import { answeredCalls, type Found } from './harness/chains.ts'
import { newCompany, operator } from './harness/company.ts'
import { publicUrl } from './harness/edge.ts'
import { eventually } from './harness/eventually.ts'
import { kubectl, list } from './harness/kubernetes.ts'
import { measured } from './harness/report.ts'
import { openNumbers, openTraces, type Span, type Told } from './harness/traces.ts'

const began = new Date()

describe('people work through the edge as they do in the local run', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = { edge: publicUrl, operator: await operator() }
  })
  companyStory(() => stage)
})

const linesOf = (pod: string, namespace: string) =>
  kubectl([
    ...['logs', pod, '--namespace', namespace, '--all-containers', '--since-time', began.toISOString()],
  ]).catch((error: Error) => {
    // It has ended since it was listed.
    if (/NotFound/.test(error.message)) return ''
    throw error
  })

describe('what they did is told by whole traces, and no word of theirs', () => {
  const graph = graphOf(services)
  let traces: Awaited<ReturnType<typeof openTraces>>
  /** Of the story, and of what others did meanwhile. */
  let told: Told
  beforeAll(async () => {
    traces = await openTraces()
  })
  afterAll(() => traces.close())

  /** What people and their programs may ask. */
  const asked = graph.edges.filter(({ caller, access }) => caller === edge && access.includes('user'))
  const nameOf = ({ caller, callee, operation }: Edge) => `${caller} → ${callee}.${operation}`
  const namesOf = (calls: readonly Found[]) => new Set(calls.map(({ call }) => nameOf(call)))
  const fromOutside = (spans: readonly Span[]) =>
    spans.some(({ service, parent }) => service === edge && !parent)

  it('so is what each operation answers to one who asks it badly', async () => {
    const company = await newCompany()
    const headers = { authorization: `Bearer ${await company.token()}`, 'content-type': 'application/json' }
    // The edge itself refuses a body where none is wanted.
    for (const { method, path } of asked)
      for (const init of method === 'GET' ? [{}] : [{}, { body: '{}' }])
        await eventually(`${method} ${path} is answered`, async () => {
          const url = publicUrl + path.replaceAll(/\{\w+\}/g, () => randomUUID())
          const response = await fetch(url, { method, headers, ...init })
          await response.body?.cancel()
          expect([429, 503, 504]).not.toContain(response.status)
        })
    measured('operations asked', asked.length)
  })

  it('each declared call that was answered has the spans of both proxies, of the callee and of its statements', async () => {
    const calls = await eventually('All spans are there', async () => {
      const ofEdge = await traces.of(edge, began)
      const found = [...ofEdge.traces.values()]
        .filter(fromOutside)
        .flatMap((spans) => answeredCalls(graph, spans))
      const lacking = found
        .filter(({ lacks }) => lacks.length > 0)
        .map(({ call, lacks }) => `${nameOf(call)} lacks ${lacks}`)
      expect([...new Set(lacking)]).toEqual([])
      const names = namesOf(found)
      for (const callee of graph.services) expect([...names].join('\n')).toContain(`→ ${callee.name}.`)
      expect(asked.map(nameOf).filter((name) => !names.has(name))).toEqual([])
      return found
    })
    told = await traces.since(began)
    const seen = namesOf(calls)
    measured('declared calls in whole traces', `${seen.size} of ${graph.edges.length}, ${calls.length} times`)
  })

  it('a job names the request that enqueued it, in a trace of its own', () => {
    const spans = [...told.traces.values()].flat()
    const jobs = spans.filter(({ kind, tags }) => kind === 'consumer' && tags['staffmesh.job'])
    const linked = jobs.filter(({ trace, links }) =>
      links.some(
        (link) => link.trace !== trace && told.traces.get(link.trace)?.some(({ id }) => id === link.span),
      ),
    )
    expect(linked.length).toBeGreaterThan(0)
    measured('jobs with the request that enqueued them', linked.length)
  })

  it('no span has an attribute that is not allowed', () => {
    // Of Jaeger itself.
    const own = /^(span\.kind|internal\.span\.format|otel\.(scope|status)\w*(\.\w+)?|error|w3c\.tracestate)$/
    const keys = new Set(
      [...told.traces.values()].flat().flatMap(({ tags, resource }) => Object.keys({ ...tags, ...resource })),
    )
    expect([...keys].filter((key) => !allowedKeys.includes(key) && !own.test(key))).toEqual([])
    expect(keys).toContain('db.query.summary')
  })

  it('no name and no address of these people is in a span, in a number, or in a line of a log', async () => {
    const file = new URL('../../services/directory/fixtures/oracle-hr/employees.csv', import.meta.url)
    const people = (await readFile(file, 'utf8'))
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(','))
    // Short ones are words of ours as well.
    const names = people.flatMap(([, given, family]) => [given!, family!]).filter((name) => name.length > 5)
    const words = new RegExp(`\\b(${[...new Set(names)].join('|')})\\b|@oracle\\.example`, 'g')
    const numbers = await openNumbers()
    const series = await numbers.series().finally(numbers.close)
    const pods = await Promise.all(Object.values(namespaces).map((namespace) => list('pods', namespace)))
    const logs = await Promise.all(
      pods
        .flat()
        .filter(({ metadata }) => !metadata.deletionTimestamp)
        .map(({ metadata: { name, namespace } }) => linesOf(name, namespace)),
    )
    expect(logs.join('').length).toBeGreaterThan(10_000)
    const text = { spans: told.text, series, logs: logs.join('') }
    for (const [where, each] of Object.entries(text))
      expect({ where, found: each.match(words) }).toEqual({ where, found: null })
    measured(
      'bytes searched',
      Object.values(text).reduce((sum, { length }) => sum + length, 0),
    )
  })

  it('who names a trace, and asks for it to be kept, is not obeyed', async () => {
    const trace = '5eed0000000000000000000000005eed'
    const response = await fetch(`${publicUrl}/v1/employees`, {
      headers: { traceparent: `00-${trace}-00000000000005ee-01` },
    })
    expect(response.status).toBe(401)
    expect(await traces.knows(trace)).toBe(false)
  })
})
