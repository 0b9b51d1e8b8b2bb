import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collector, collectorMetricsPorts, collectorPorts } from '../../mesh/egress.ts'
import { edge } from '../../mesh/graph.ts'
import {
  prometheus,
  prometheusPort,
  traceQueryPort,
  traceStore,
  traceStorePort,
} from '../../mesh/monitoring.ts'
import { dnsNameOf, namespaces } from '../../mesh/resource.ts'
import { metricName, scrapeJobs } from '../../observability/names.ts'
import { type Company, newCompany } from './harness/company.ts'
import { publicUrl } from './harness/edge.ts'
import { eventually } from './harness/eventually.ts'
import { measured } from './harness/report.ts'
import { askFrom } from './harness/requests.ts'
import { openNumbers } from './harness/traces.ts'
import { podOf, podsOf } from './harness/workloads.ts'

const at = ({ name, namespace }: { name: string; namespace: string }, port: number) =>
  `http://${dnsNameOf(name, namespace)}:${port}`

describe('0. telemetry', () => {
  it('the collector takes it from workloads, and answers nothing else', async () => {
    const otlp = at(collector, collectorPorts.http)
    const json = { headers: { 'content-type': 'application/json' }, body: '{}', method: 'POST' }
    const answers = await askFrom(await podOf('workforce'), [
      { url: `${otlp}/v1/traces`, ...json },
      { url: `${otlp}/v1/other`, ...json },
      { url: `${otlp}/v1/traces` },
      { url: `${at(collector, collectorMetricsPorts.services)}/metrics` },
    ])
    expect(answers.map(({ status }) => status)).toEqual([200, 403, 403, 403])
  })

  it('no workload asks Jaeger or Prometheus anything', async () => {
    const answers = await askFrom(await podOf('workforce'), [
      { url: `${at(traceStore, traceStorePort)}/v1/traces`, method: 'POST', body: '{}' },
      { url: `${at(traceStore, traceQueryPort)}/api/services` },
      { url: `${at(prometheus, prometheusPort)}/api/v1/status/config` },
    ])
    // Its proxy does not know them.
    for (const { status } of answers) expect([0, 502]).toContain(status)
  })

  describe('numbers', () => {
    let numbers: Awaited<ReturnType<typeof openNumbers>>
    let company: Company
    beforeAll(async () => {
      company = await newCompany()
      numbers = await openNumbers()
    })
    afterAll(() => numbers.close())

    it('every proxy and the collector are asked for theirs', async () => {
      await eventually('All targets answer', async () => {
        for (const job of Object.values(scrapeJobs))
          expect([job, await numbers.value(`min(up{job="${job}"})`)]).toEqual([job, 1])
      })
      measured(
        'proxies whose numbers are fetched',
        await numbers.value(`count(up{job="${scrapeJobs.proxies}"})`),
      )
      measured('series', await numbers.value('count({job=~".+"})'))
    })

    it('they say as many requests as were sent: the service, and the proxy of who called', async () => {
      // The collector remembers for a while what pods that are gone have counted, and then forgets it.
      const running = (await podsOf('workforce')).map(({ name }) => `${namespaces.services}.${name}.service`)
      const requests = `${metricName('http.server.request.duration')}_count{service_instance_id=~"${running.join('|')}",staffmesh_operation="getEmployee",http_response_status_code="404"}`
      const calls = `envoy_cluster_upstream_rq{job="${scrapeJobs.proxies}",workload="${edge}",cluster_name=~"outbound.*[|]workforce[.]${namespaces.services}[.].*",response_code="404"}`
      const now = async () =>
        [await numbers.value(`sum(${requests})`), await numbers.value(`sum(${calls})`)] as const
      const [requestsBefore, callsBefore] = await eventually('Nothing of before is on its way', async () => {
        for (const each of [requests, calls])
          expect(await numbers.value(`sum(changes(${each}[45s]))`)).toBe(0)
        return now()
      })
      const token = await company.token()
      // For somebody who is not there: nobody else asks that while a cluster starts.
      const sent = 40
      for (let i = 0; i < sent; i++) {
        const response = await fetch(`${publicUrl}/v1/employees/${randomUUID()}`, {
          headers: { authorization: `Bearer ${token}` },
        })
        expect(response.status, await response.text()).toBe(404)
      }
      await eventually('Prometheus has counted them', async () => {
        const [requestsAfter, callsAfter] = await now()
        expect([requestsAfter - requestsBefore, callsAfter - callsBefore]).toEqual([sent, sent])
      })
    })
  })
})
