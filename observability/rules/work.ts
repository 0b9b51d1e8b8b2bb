import { callsOf, type Service, workerOf } from '#kit/service.ts'
import type { Duration } from '#kit/telemetry.ts'
import { type Attribute, anyValue, labelName, many, series, upTo } from '../names.ts'
import { type Alert, alert, evaluated, type Group } from './rule.ts'
import { missing } from './telemetry.ts'

/** What is done beside requests, and what requests wait for. */
export const work = (services: readonly Service[]): Group => ({
  name: 'work',
  interval: `${evaluated}s`,
  rules: [
    alert('ticket', 'PoolWait', {
      expr: `${shareAbove(0.1, 'db.client.connection.wait_time', '10m', ['service.name'])} > 0.05`,
      for: '10m',
      summary:
        '{{ $labels.service_name }}: {{ $value | humanizePercentage }} of transactions wait 100 ms or more for a connection',
    }),
    alert('ticket', 'JobLag', {
      expr: `${shareAbove(60, 'staffmesh.job.lag', '15m', ['service.name'])} > 0.1`,
      for: '10m',
      summary:
        '{{ $labels.service_name }}: {{ $value | humanizePercentage }} of jobs begin more than a minute late',
    }),
    alert('ticket', 'JobFailing', {
      expr: `${shareFailing('staffmesh.job.duration', '30m', ['service.name', 'staffmesh.job'])} > 0.5`,
      for: '15m',
      summary:
        '{{ $labels.service_name }}: {{ $value | humanizePercentage }} of tries of {{ $labels.staffmesh_job }} fail',
    }),
    alert('ticket', 'FeedLag', {
      expr: `${shareAbove(60, 'staffmesh.feed.lag', '10m', ['service.name', 'staffmesh.feed'])} > 0.5`,
      for: '10m',
      summary:
        '{{ $labels.service_name }}: what happened in {{ $labels.staffmesh_feed }} arrives more than a minute late',
    }),
    alert('page', 'LedgerBroken', {
      // Each ledger is looked at once a day. Not the increase: a process may be killed with its first finding.
      expr: `${sum(['service.name', 'staffmesh.invariant'], `max_over_time(${many('staffmesh.ledger.violations')}[26h])`)} > 0`,
      summary:
        '{{ $labels.service_name }}: ledgers break the invariant {{ $labels.staffmesh_invariant }}: balances may be wrong',
    }),
    ...services.filter(({ worker }) => worker).flatMap((service) => [idle(service), ...unread(service)]),
  ],
})

/**
 * Every worker has a job of each hour, so what did none in two is not well. A pod's counter is there from its first job on,
 * which is no increase; so a counter that is younger tells of a job too. Who has just begun is given the hour until then.
 */
function idle({ name }: Service): Alert {
  const worker = { 'service.name': workerOf(name) }
  const done = series('staffmesh.job.duration', 'count', worker)
  return alert('ticket', 'WorkerIdle', {
    expr: missing(`increase(${done}[2h]) > 0 or (${done} unless ${done} offset 2h)`),
    for: '75m',
    labels: labelsOf(worker),
    summary: '{{ $labels.service_name }} has done no job for hours',
  })
}

/** A feed is read with long polls, so there are some all the time, also where nothing happens. */
const unread = (service: Service): Alert[] =>
  callsOf(service)
    .filter(({ declaration }) => declaration.kind === 'stream')
    .map(({ callee, operation }) => {
      const worker = { 'service.name': workerOf(service.name) }
      const reads = series('http.client.request.duration', 'count', {
        ...worker,
        'server.address': callee,
        'staffmesh.operation': operation,
        'error.type': '',
      })
      return alert('page', 'FeedUnread', {
        expr: missing(`sum(rate(${reads}[5m])) > 0`),
        for: '5m',
        labels: labelsOf({ ...worker, 'staffmesh.feed': callee }),
        summary: '{{ $labels.service_name }} cannot read what happens in {{ $labels.staffmesh_feed }}',
      })
    })

const labelsOf = (values: Readonly<Partial<Record<Attribute, string>>>) =>
  Object.fromEntries(
    Object.entries(values).map(([attribute, value]) => [labelName(attribute as Attribute), value]),
  )

/** How much of what was measured took longer than one of the histograms' bounds. */
function shareAbove(seconds: number, metric: Duration, window: string, by: readonly Attribute[]): string {
  const all = increase(series(metric, 'count'), window, by)
  return `1 - ${increase(series(metric, 'bucket', { le: upTo(seconds) }), window, by)} / ${all}`
}

const shareFailing = (metric: Duration, window: string, by: readonly Attribute[]) =>
  `${increase(series(metric, 'count', { 'error.type': anyValue }), window, by)} / ${increase(series(metric, 'count'), window, by)}`

const increase = (counter: string, window: string, by: readonly Attribute[]) =>
  sum(by, `increase(${counter}[${window}])`)

const sum = (by: readonly Attribute[], expression: string) =>
  `sum by (${by.map(labelName).join(', ')}) (${expression})`
