import { PercentUnit, RequestsPerSecond, Seconds, Short } from '@grafana/grafana-foundation-sdk/units'
import type { Kind } from '#kit/contract.ts'
import { callsOf, type Service } from '#kit/service.ts'
import { anyValue, labelName, many, series } from '../names.ts'
import { choice, dashboard, type Row } from './dashboard.ts'
import { database, dependencies, feeds, followed, jobs } from './needs.ts'
import { lines, rows } from './panel.ts'
import { frequency, labels, legendOf, most, sum, within } from './promql.ts'
import { failed, frequencies } from './requests.ts'

/** Where in a service the time goes, and what fails in it. */
export const serviceDashboard = (service: Service) =>
  dashboard({
    name: service.name,
    title: service.name,
    description: `The operations of ${service.name}, and what they need.`,
    variables: [choice(chosen, 'Operation', Object.keys(service.contract.operations))],
    rows: [
      operations(service),
      ...(hasStreams(service) ? [streams(service)] : []),
      ...(callsOf(service).length > 0 ? [dependencies(service)] : []),
      ...(service.database ? [database(service)] : []),
      ...(service.worker ? [jobs(service)] : []),
      ...(followed(service).length > 0 ? [feeds(service)] : []),
    ],
  })

/** The variable. */
const chosen = 'operation'

const server = 'http.server.request.duration'
const operation = 'staffmesh.operation'

const requestsTo = (service: Service) => ({ 'service.name': service.name, [operation]: { variable: chosen } })

const operations = (service: Service): Row => ({
  title: 'Operations',
  panels: [
    requests(service),
    errors(service),
    statuses(service),
    duration(service, 'query'),
    duration(service, 'command'),
    whatFailed(service),
    everyOperation(service),
  ],
})

const requests = (service: Service) =>
  lines(
    {
      title: 'Requests',
      description: 'The ten operations that are asked most.',
      unit: RequestsPerSecond,
    },
    {
      expr: most(
        10,
        labels([operation]),
        series(server, 'count', requestsTo(service)),
        frequency(server, [operation], requestsTo(service)),
      ),
      legend: legendOf(operation),
    },
  )

const errors = (service: Service) =>
  lines(
    {
      title: 'Failed',
      description: `Share that was answered with a 5xx; the service promises less than ${percent(1 - service.slo.availability)}.`,
      unit: PercentUnit,
      bad: { above: 1 - service.slo.availability },
    },
    { expr: failed(server, [], requestsTo(service)), legend: service.name },
  )

const statuses = (service: Service) =>
  frequencies(
    { metric: server, by: 'http.response.status_code', of: requestsTo(service) },
    {
      title: 'Answers',
      description: 'By status: many 4xx tell of a client that has lost its way, 429 and 503 of too much.',
    },
  )

const duration = (service: Service, kind: Exclude<Kind, 'stream'>) => {
  const of = { ...requestsTo(service), 'staffmesh.kind': kind }
  const promised = service.slo.latency[kind] / 1000
  return lines(
    {
      title: `Duration, ${kind}`,
      description: `Time to answer half of them, and 99 of 100; that is promised to be below ${promised} s.`,
      unit: Seconds,
      bad: { above: promised },
    },
    ...[0.5, 0.99].map((quantile) => ({
      expr: within(quantile, server, [], of),
      legend: `p${quantile * 100}`,
    })),
  )
}

const whatFailed = (service: Service) =>
  lines(
    {
      title: 'What failed, and why',
      description: 'The error is the code of the problem, or the class of what was thrown.',
      unit: RequestsPerSecond,
      empty: 'Nothing failed',
    },
    {
      expr: frequency(server, [operation, 'error.type'], { ...requestsTo(service), 'error.type': anyValue }),
      legend: `${legendOf(operation)}: ${legendOf('error.type')}`,
    },
  )

const everyOperation = (service: Service) => {
  const of = requestsTo(service)
  return rows(
    {
      title: 'Every operation that is asked',
      description: 'As of now. A stream is slow by nature: it is open for as long as somebody listens.',
      expected: Object.keys(service.contract.operations).length,
    },
    { [labelName(operation)]: 'Operation', [labelName('staffmesh.kind')]: 'Kind' },
    {
      title: 'Requests',
      unit: RequestsPerSecond,
      expr: `${frequency(server, [operation, 'staffmesh.kind'], of)} > 0`,
    },
    {
      title: 'Failed',
      unit: PercentUnit,
      expr: failed(server, [operation, 'staffmesh.kind'], of),
      bad: { above: 1 - service.slo.availability },
    },
    ...[0.5, 0.99].map((quantile) => ({
      title: `p${quantile * 100}`,
      unit: Seconds,
      expr: within(quantile, server, [operation, 'staffmesh.kind'], of),
    })),
  )
}

const hasStreams = ({ contract }: Service) =>
  Object.values(contract.operations).some(({ kind }) => kind === 'stream')

const streams = (service: Service): Row => ({
  title: 'Streams',
  panels: [
    lines(
      {
        title: 'Open streams',
        description:
          'Connections that are held open to tell what is new: to people with server-sent events, to other services with long polls of the feed.',
        unit: Short,
        width: 24,
      },
      {
        expr: sum(labels([operation]), many('staffmesh.open_streams', { 'service.name': service.name })),
        legend: legendOf(operation),
      },
    ),
  ],
})

const percent = (share: number) => `${Number((share * 100).toPrecision(3))} %`
