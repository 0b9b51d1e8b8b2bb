import { beforeAll, describe, expect, it } from 'vitest'
import { collector, collectorPorts } from '../../mesh/egress.ts'
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

describe('0. telemetry', () => {
  let company: Company
  beforeAll(async () => {
    company = await newCompany()
  })

  it('the collector counts the spans that proxies send', async () => {
    const since = new Date()
    const { status } = await fetch(`${publicUrl}/v1/employees`, {
      headers: { authorization: `Bearer ${await company.token()}` },
    })
    expect(status).toBe(200)
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
})
