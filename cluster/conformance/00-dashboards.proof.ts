import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { prometheus, prometheusPort } from '../../mesh/monitoring.ts'
import { answersTo } from '../../observability/dashboards/ask.ts'
import { dashboardsOf } from '../../observability/dashboards/index.ts'
import { panelsOf } from '../../observability/dashboards/queries.ts'
import { services } from '../../services/index.ts'
import { workforceContract } from '../../services/workforce/contract.ts'
import { type Company, newCompany } from './harness/company.ts'
import { publicUrl } from './harness/edge.ts'
import { eventually } from './harness/eventually.ts'
import { forward, readyPods } from './harness/kubernetes.ts'
import { type Call, type Load, startLoad } from './harness/load.ts'
import { measured } from './harness/report.ts'
import { commandsOf, queriesOf } from './harness/traffic.ts'

const send = async (company: Company, path: string, body: object) => {
  const response = await fetch(publicUrl + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await company.token()}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: JSON.stringify(body),
  })
  await response.text()
}

/** A command of each application service; that it is refused is an answer too. */
const anyCommands = (company: Company): Call[] =>
  services.flatMap(({ layer, contract }) => {
    const found = Object.values(contract.operations).find(
      ({ kind, route }) => layer === 'application' && kind === 'command' && route?.method === 'POST',
    )
    const path = found?.route?.path.replaceAll(/\{\w+\}/g, () => randomUUID())
    return path ? [{ name: path, send: () => send(company, path, {}) }] : []
  })

/** Something that leave writes down. */
const leaveType = (company: Company): Call => ({
  name: 'createLeaveType',
  send: () =>
    send(company, workforceContract.operations.createLeaveType.route!.path, {
      code: `T${randomUUID().slice(0, 6)}`,
      name: 'Leave',
      unit: 'day',
    }),
})

describe('0. dashboards', () => {
  let load: Load
  let tunnel: Awaited<ReturnType<typeof forward>>
  beforeAll(async () => {
    const [pod] = await readyPods(prometheus.namespace, `app.kubernetes.io/part-of=${prometheus.name}`)
    tunnel = await forward({ name: pod!.metadata.name, namespace: prometheus.namespace }, prometheusPort)
    const company = await newCompany()
    const another: Call = { name: 'newCompany', send: async () => void (await newCompany()) }
    load = startLoad(
      [
        ...(await queriesOf(company)),
        ...commandsOf(company),
        ...anyCommands(company),
        leaveType(company),
        another,
      ],
      10,
    )
  })
  afterAll(async () => {
    await load.stop()
    tunnel.close()
  })

  it('every panel has data while people work, save those that say why not', async () => {
    const dashboards = dashboardsOf(services)
    await eventually(
      'Every panel has data',
      async () => {
        const window = { end: Math.floor(Date.now() / 1000), range: 600, step: 15, rate: 120 }
        const empty = await Promise.all(
          dashboards.flatMap((dashboard) =>
            panelsOf(dashboard)
              .filter(({ fieldConfig }) => fieldConfig?.defaults.noValue === undefined)
              .map(async (panel) => {
                const answers = await answersTo(`http://127.0.0.1:${tunnel.port}`, dashboard, panel, window)
                return answers.some((series) => series.length === 0)
                  ? [`${dashboard.title}: ${panel.title}`]
                  : []
              }),
          ),
        )
        expect(empty.flat()).toEqual([])
      },
      100,
    )
    measured('panels', dashboards.flatMap(panelsOf).length)
  })
})
