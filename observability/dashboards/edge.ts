import { PercentUnit, RequestsPerSecond, Seconds, Short } from '@grafana/grafana-foundation-sdk/units'
import type { Service } from '#kit/service.ts'
import { edge as name } from '../../mesh/graph.ts'
import { namespaces } from '../../mesh/resource.ts'
import { many, matcher, series } from '../names.ts'
import { dashboard } from './dashboard.ts'
import { lines, number } from './panel.ts'
import { frequency, labels, legendOf, most, share, sum, within } from './promql.ts'
import { calling, calls, callsWithin, ends, failedCalls } from './proxies.ts'

/** What comes in from outside, and what the edge does with it. */
export const edge = (services: readonly Service[]) =>
  dashboard({
    name,
    title: 'Edge',
    description:
      'What clients ask, as the proxy beside the edge counts it on its way to the services; and what the edge tells itself.',
    rows: [
      { title: 'To the services', panels: [asked(), failed(), waited(), unauthorized(), tooMany(), again()] },
      {
        title: 'By service',
        panels: [requests(), failures(), durations(), answers(), retried(), unreachable(), streams(services)],
      },
      { title: 'The edge itself', panels: [answered(), operations(), slow()] },
    ],
  })

const from = namespaces.edge
const callee = ends[1]
const legend = `{{${callee}}}`

const asked = () =>
  number(
    { title: 'Requests', description: 'That the edge let through to a service.', unit: RequestsPerSecond },
    calls({ by: [], from }),
  )

const failed = () =>
  number(
    {
      title: 'Failed',
      description: 'Share of those that was answered with a 5xx, after all tries.',
      unit: PercentUnit,
      bad: { above: 0.01 },
    },
    failedCalls({ by: [], from }),
  )

const waited = () =>
  number(
    {
      title: 'Duration, p99',
      description: 'Until the edge had the answer; a stream counts with all the time that it is open.',
      unit: Seconds,
    },
    callsWithin(0.99, { by: [], from }),
  )

const refused = (title: string, description: string, code: string) =>
  number(
    { title, description, unit: PercentUnit, bad: { above: 0.2 } },
    share(calls({ by: [], from }, `response_code=~"${code}"`), calls({ by: [], from })),
  )

const unauthorized = () =>
  refused('Not allowed', 'Share of those that a service refused with 401 or 403.', '401|403')

const tooMany = () =>
  refused('Too many', 'Share of those that was over a limit, of a tenant or of an address: 429.', '429')

const again = () =>
  number(
    {
      title: 'Tried again',
      description: 'Tries beyond the first, as a share of requests.',
      unit: PercentUnit,
      bad: { above: 0.05 },
    },
    share(calling('retries', [], ofEdge), calls({ by: [], from })),
  )

const requests = () =>
  lines(
    { title: 'Requests', description: 'That the edge let through.', unit: RequestsPerSecond },
    { expr: calls({ by: [callee], from }), legend },
  )

const failures = () =>
  lines(
    {
      title: 'Failed',
      description: 'Share that was answered with a 5xx, after all tries.',
      unit: PercentUnit,
    },
    { expr: failedCalls({ by: [callee], from }), legend },
  )

const durations = () =>
  lines(
    {
      title: 'Duration, p95',
      description: 'Until the edge had the answer; a stream counts with all the time that it is open.',
      unit: Seconds,
    },
    { expr: callsWithin(0.95, { by: [callee], from }), legend },
  )

const answers = () =>
  lines(
    {
      title: 'Answers',
      description: 'By status, of all services. 0 is a client that has gone.',
      unit: RequestsPerSecond,
    },
    { expr: calls({ by: ['response_code'], from }), legend: '{{response_code}}' },
  )

const ofEdge = matcher('namespace', from)

const retried = () =>
  lines(
    { title: 'Tried again', description: 'Tries beyond the first.', unit: RequestsPerSecond },
    { expr: calling('retries', [callee], ofEdge), legend },
  )

const unreachable = () =>
  lines(
    {
      title: 'Not tried, or in vain',
      description:
        'Connections that failed, requests that too many others kept from one, and those that all tries failed for.',
      unit: RequestsPerSecond,
    },
    ...(
      [
        ['connectionsFailed', 'no connection'],
        ['overflowing', 'too many wait'],
        ['retriesExhausted', 'all tries failed'],
      ] as const
    ).map(([metric, what]) => ({ expr: calling(metric, [callee], ofEdge), legend: `${legend}: ${what}` })),
  )

const streams = (services: readonly Service[]) =>
  lines(
    {
      title: 'Open streams',
      description:
        'Connections that clients hold open to be told what is new. Each ends when the replica that serves it drains, and comes back to another.',
      unit: Short,
      width: 24,
    },
    {
      expr: sum(
        labels(['service.name']),
        many('staffmesh.open_streams', {
          'service.name': services.filter(({ layer }) => layer === 'application').map(({ name }) => name),
        }),
      ),
      legend: legendOf('service.name'),
    },
  )

const metric = 'http.server.request.duration'
const itself = { 'service.name': name }
/** Kong tells no such numbers unless a plugin of its own makes it. */
const empty = 'This edge measures nothing itself'

const answered = () =>
  lines(
    {
      title: 'Answers to clients',
      description: 'By status, with what the edge refused itself: 401 without a valid token, 404, 413, 429.',
      unit: RequestsPerSecond,
      empty,
    },
    {
      expr: frequency(metric, ['http.response.status_code'], itself),
      legend: legendOf('http.response.status_code'),
    },
  )

const operation = 'staffmesh.operation'

const operations = () =>
  lines(
    { title: 'Operations', description: 'The ten that clients ask most.', unit: RequestsPerSecond, empty },
    {
      expr: most(
        10,
        labels([operation]),
        series(metric, 'count', itself),
        frequency(metric, [operation], itself),
      ),
      legend: legendOf(operation),
    },
  )

const slow = () =>
  lines(
    {
      title: 'Operations, p99',
      description: 'Of the same ten, as clients wait for them; streams are not counted.',
      unit: Seconds,
      empty,
    },
    {
      expr: most(
        10,
        labels([operation]),
        series(metric, 'count', itself),
        within(0.99, metric, [operation], itself),
      ),
      legend: legendOf(operation),
    },
  )
