import { PercentUnit, RequestsPerSecond } from '@grafana/grafana-foundation-sdk/units'
import { labelName, tenantMetrics } from '../names.ts'
import { dashboard } from './dashboard.ts'
import { lines, rows } from './panel.ts'
import { most, rate, share, sum } from './promql.ts'
import { proxied } from './proxies.ts'

/** Whose requests take the room of others? Companies are told by their ids. */
export const tenants = () =>
  dashboard({
    name: 'tenants',
    title: 'Tenants',
    description:
      'Companies that ask much, as the rate limit service counts their requests from outside. Each is told by its id, by which its traces are found too.',
    rows: [
      { title: 'Noisy ones', panels: [loudest(), requests(), commands()] },
      { title: 'Over a limit', panels: [refused(), refusedByReplicas()] },
    ],
  })

const tenant = 'tenant'
const service = labelName('service.name')
const kind = labelName('staffmesh.kind')
const { requests: asked, overLimit } = tenantMetrics

const refusals = (by: readonly string[]) => sum(by, rate(overLimit))

const loudest = () =>
  rows(
    {
      title: 'Those that ask most',
      description: 'As of now, the twenty that ask most, by service and kind of operation.',
      expected: 16,
    },
    { [tenant]: 'Tenant', [service]: 'Service', [kind]: 'Kind' },
    {
      title: 'Requests',
      unit: RequestsPerSecond,
      expr: `topk(20, ${sum([tenant, service, kind], rate(asked))})`,
    },
    {
      title: 'Of all requests',
      unit: PercentUnit,
      expr: `topk(20, ${sum([tenant, service, kind], rate(asked))}) / on (${service}, ${kind}) group_left ${sum([service, kind], rate(asked))}`,
      bad: { above: 0.5 },
    },
    {
      title: 'Over a limit',
      unit: PercentUnit,
      expr: share(refusals([tenant, service, kind]), sum([tenant, service, kind], rate(asked))),
      bad: { above: 0.01 },
    },
  )

const often = (wanted: string) =>
  most(10, [tenant], `${asked}{${wanted}}`, sum([tenant], rate(`${asked}{${wanted}}`)))

const requests = () =>
  lines(
    {
      title: 'Queries',
      description: 'Of the ten tenants that ask most.',
      unit: RequestsPerSecond,
      width: 12,
    },
    { expr: often(`${kind}="query"`), legend: `{{${tenant}}}` },
  )

const commands = () =>
  lines(
    {
      title: 'Commands',
      description: 'Of the ten tenants that change most.',
      unit: RequestsPerSecond,
      width: 12,
    },
    { expr: often(`${kind}="command"`), legend: `{{${tenant}}}` },
  )

const refused = () =>
  lines(
    {
      title: 'Over the limit of all replicas',
      description: 'Requests that were answered with 429, of the ten tenants that had most of them.',
      unit: RequestsPerSecond,
      width: 12,
      empty: 'No tenant was over such a limit',
    },
    { expr: most(10, [tenant], overLimit, refusals([tenant])), legend: `{{${tenant}}}` },
  )

const refusedByReplicas = () =>
  lines(
    {
      title: 'Over the limit of a replica',
      description:
        'Requests that a replica answered with 429 itself, by service; whose they were its proxy does not count.',
      unit: RequestsPerSecond,
      width: 12,
    },
    { expr: sum(['workload'], rate(proxied('overLimit'))), legend: '{{workload}}' },
  )
