import { OpsPerSecond, Seconds, Short } from '@grafana/grafana-foundation-sdk/units'
import { callsOf, type Service, workerOf } from '#kit/service.ts'
import { anyValue, series } from '../names.ts'
import type { Row } from './dashboard.ts'
import { lines } from './panel.ts'
import { frequency, labels, legendOf, most, rate, sum, within } from './promql.ts'
import { durations, failures, frequencies } from './requests.ts'

const processesOf = ({ name }: Service) => ({ 'service.name': [name, workerOf(name)] })

/** Other services. */
export const dependencies = (service: Service): Row => ({
  title: 'Dependencies',
  panels: [calls(service), failedCalls(service), slowCalls(service)],
})

/** A stream is held open: neither its length nor its number says anything. */
const answeredCalls = (service: Service) => ({
  metric: 'http.client.request.duration' as const,
  by: 'server.address' as const,
  of: {
    ...processesOf(service),
    'staffmesh.operation': {
      not: callsOf(service).flatMap(({ operation, declaration }) =>
        declaration.kind === 'stream' ? [operation] : [],
      ),
    },
  },
})

const noCall = 'Nothing was asked that takes another service'

const calls = (service: Service) =>
  frequencies(answeredCalls(service), {
    title: 'Calls',
    description: 'What it asks of others, by service; streams are not counted.',
    empty: noCall,
  })

const failedCalls = (service: Service) =>
  failures(answeredCalls(service), {
    title: 'Calls that failed',
    description: 'As this service saw it, after all that the mesh has tried.',
    empty: noCall,
  })

const slowCalls = (service: Service) =>
  durations(0.99, answeredCalls(service), {
    title: 'Calls, p99',
    description: 'As this service saw it: with proxies, network and retries.',
    empty: noCall,
  })

export const database = (service: Service): Row => ({
  title: 'Database',
  panels: [
    busyStatements(service),
    slowStatements(service),
    connections(service, service.database?.pool),
    failedStatements(service),
  ],
})

const statements = 'db.client.operation.duration'
const statement = 'db.query.summary'

/** The ten that the database spends most time with. */
const busiest = (service: Service, expression: string) =>
  most(10, labels([statement]), series(statements, 'sum', processesOf(service)), expression)

const busyStatements = (service: Service) =>
  lines(
    {
      title: 'Statements',
      description: 'How many run at once on average, of the ten that keep the database busiest.',
      unit: Short,
    },
    {
      expr: busiest(service, sum(labels([statement]), rate(series(statements, 'sum', processesOf(service))))),
      legend: legendOf(statement),
    },
  )

const slowStatements = (service: Service) =>
  lines(
    { title: 'Statements, p99', description: 'Of the same ten.', unit: Seconds },
    {
      expr: busiest(service, within(0.99, statements, [statement], processesOf(service))),
      legend: legendOf(statement),
    },
  )

const connections = (service: Service, pool: number | undefined) =>
  durations(
    0.99,
    { metric: 'db.client.connection.wait_time', by: 'service.name', of: processesOf(service) },
    {
      title: 'Wait for a pool connection, p99',
      description: `99 of 100 got one within. A process has ${pool}; many milliseconds mean that these are too few, or statements too slow.`,
    },
  )

const failedStatements = (service: Service) =>
  lines(
    {
      title: 'Statements that failed',
      description:
        'By SQLSTATE. 23… and 40… are rules and meetings that the service answers as problems; 57014 ran out of time.',
      unit: OpsPerSecond,
      empty: 'No statement failed',
      width: 24,
    },
    {
      expr: frequency(statements, [statement, 'error.type'], {
        ...processesOf(service),
        'error.type': anyValue,
      }),
      legend: `${legendOf(statement)}: ${legendOf('error.type')}`,
    },
  )

export const jobs = (service: Service): Row => ({
  title: 'Jobs',
  panels: [jobsDone(service), jobsFailed(service), jobsSlow(service), jobsLate(service)],
})

const job = 'staffmesh.job'
const done = 'staffmesh.job.duration'
const workedBy = ({ name }: Service) => ({ 'service.name': workerOf(name) })
const aQuarter = { empty: 'No job has run', width: 6 }

const jobsDone = (service: Service) =>
  frequencies(
    { metric: done, by: job, of: workedBy(service) },
    { title: 'Jobs', description: 'Ended, well or not.', ...aQuarter },
  )

const jobsFailed = (service: Service) =>
  lines(
    {
      title: 'Jobs that failed',
      description: 'They are tried again later; the log of the worker says why.',
      unit: OpsPerSecond,
      ...aQuarter,
      empty: 'No job failed',
    },
    {
      expr: frequency(done, [job, 'error.type'], { ...workedBy(service), 'error.type': anyValue }),
      legend: `${legendOf(job)}: ${legendOf('error.type')}`,
    },
  )

const jobsSlow = (service: Service) =>
  durations(
    0.95,
    { metric: done, by: job, of: workedBy(service) },
    { title: 'Jobs, p95', description: 'From begin to end.', ...aQuarter },
  )

const jobsLate = (service: Service) =>
  durations(
    0.95,
    { metric: 'staffmesh.job.lag', by: job, of: workedBy(service) },
    {
      title: 'Jobs begin late by, p95',
      description:
        '95 of 100 began within that time after they were due. More: the worker has too much to do, or is gone.',
      ...aQuarter,
    },
  )

/** The services whose feeds it reads. */
export const followed = (service: Service) =>
  callsOf(service).flatMap(({ callee, operation }) => (operation === 'events' ? [callee] : []))

export const feeds = (service: Service): Row => ({
  title: 'Event feeds',
  panels: [feedsBehind(service), pagesApplied(service)],
})

const read = (service: Service) =>
  ({ metric: 'staffmesh.feed.lag', by: 'staffmesh.feed', of: workedBy(service) }) as const

const feedsBehind = (service: Service) =>
  durations(0.95, read(service), {
    title: 'Feeds are behind by, p95',
    description: `95 of 100 pages were applied within that time after the youngest event in them, by what reads them. It reads the feeds of ${followed(service).join(', ')}.`,
    empty: 'Nothing has happened that is read',
    width: 12,
  })

const pagesApplied = (service: Service) =>
  frequencies(read(service), {
    title: 'Pages applied',
    description: 'How often something new was read and applied.',
    unit: OpsPerSecond,
    empty: 'Nothing has happened that is read',
    width: 12,
  })
