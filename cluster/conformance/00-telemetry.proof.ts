import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collector, collectorPorts } from '../../mesh/egress.ts'
import { edge } from '../../mesh/graph.ts'
import { namespaces } from '../../mesh/resource.ts'
import { type Company, newCompany } from './harness/company.ts'
import { publicUrl } from './harness/edge.ts'
import { eventually } from './harness/eventually.ts'
import { kubectl, readyPods } from './harness/kubernetes.ts'
import { measured } from './harness/report.ts'
import { askFrom } from './harness/requests.ts'
import { podOf } from './harness/workloads.ts'

const inItsNamespace = ['--namespace', collector.namespace] as const

/** What the collector has written since an instant. */
async function written(since: Date): Promise<string> {
  const pods = await readyPods(collector.namespace, `app.kubernetes.io/part-of=${collector.name}`)
  const logs = pods.map(({ metadata: { name } }) =>
    kubectl([
      'logs',
      name,
      ...inItsNamespace,
      '--container',
      'collector',
      '--since-time',
      since.toISOString(),
    ]),
  )
  return (await Promise.all(logs)).join('')
}

/** Changes the arguments of the collector, and waits until only pods with these run. */
async function change(...patch: object[]): Promise<void> {
  await kubectl([
    ...['patch', 'deployment', collector.name, ...inItsNamespace],
    ...['--type', 'json', '--patch', JSON.stringify(patch)],
  ])
  await kubectl(['rollout', 'status', 'deployment', collector.name, ...inItsNamespace, '--timeout', '90s'])
}

const args = '/spec/template/spec/containers/0/args'

describe('0. telemetry', () => {
  let company: Company
  beforeAll(async () => {
    company = await newCompany()
  })

  /** Searches for a word as a program of some name; answers with the id by which proxies know the request. */
  async function search(word: string, agent: string): Promise<string> {
    const response = await fetch(`${publicUrl}/v1/employees?q=${word}`, {
      headers: { authorization: `Bearer ${await company.token()}`, 'user-agent': agent },
    })
    expect(response.status, await response.text()).toBe(200)
    return response.headers.get('x-request-id')!
  }

  it('the collector counts the spans that proxies send', async () => {
    const since = new Date()
    await search('x', 'conformance')
    const spans = await eventually('Spans are counted', async () => {
      const counts = (await written(since))
        .split('\n')
        .filter((line) => line.includes('"msg":"Traces"'))
        .map((line) => (JSON.parse(line) as { spans: number }).spans)
      const sum = counts.reduce((sum, count) => sum + count, 0)
      expect(sum).toBeGreaterThan(0)
      return sum
    })
    measured('spans', spans)
  })

  it('it takes telemetry from workloads, and answers nothing else', async () => {
    const at = `http://${collector.name}.${collector.namespace}.svc.cluster.local:${collectorPorts.http}`
    const json = { headers: { 'content-type': 'application/json' }, body: '{}', method: 'POST' }
    const answers = await askFrom(await podOf('workforce'), [
      { url: `${at}/v1/traces`, ...json },
      { url: `${at}/v1/other`, ...json },
      { url: `${at}/v1/traces` },
    ])
    expect(answers.map(({ status }) => status)).toEqual([200, 403, 403])
  })

  describe('with all that it is sent written down', () => {
    beforeAll(() =>
      change(
        { op: 'add', path: `${args}/-`, value: '--set=exporters.debug.verbosity=detailed' },
        { op: 'add', path: `${args}/-`, value: '--set=processors.batch.timeout=1s' },
      ),
    )
    // The last first, so that the places of the others stay.
    afterAll(() => change({ op: 'remove', path: `${args}/2` }, { op: 'remove', path: `${args}/1` }))

    it('each proxy on the way of a request sends spans of it, and none tells what was searched for or by what program', async () => {
      const [word, agent] = [randomUUID(), randomUUID()]
      const since = new Date()
      const ids: string[] = []
      const way = [
        `${edge}.${namespaces.edge}`,
        ...['workforce', 'directory'].map((each) => `${each}.${namespaces.services}`),
      ]
      const text = await eventually('Every proxy on the way has sent spans', async () => {
        // Again, since what is sent while the collector is replaced may reach the one that goes.
        ids.push(await search(word, agent))
        const all = await written(since)
        const senders = all
          .split('ResourceSpans #')
          .filter((spans) => ids.some((id) => spans.includes(id)))
          .map((spans) => /service\.name: Str\(([^)]+)\)/.exec(spans)?.[1])
        expect([...new Set(senders)].sort()).toEqual(way.toSorted())
        return all
      })
      expect(text).not.toContain(word)
      expect(text).not.toContain(agent)
    })
  })
})
