import { PercentUnit, RequestsPerSecond, Seconds, Short } from '@grafana/grafana-foundation-sdk/units'
import type { Service } from '#kit/service.ts'
import { labelName, series } from '../names.ts'
import { dashboard } from './dashboard.ts'
import { lines, number, rows } from './panel.ts'
import { frequency, legendOf, sum, within } from './promql.ts'
import { durations, failed, failures, frequencies } from './requests.ts'

/** Is anybody hurt, and by which service? */
export const overview = (services: readonly Service[]) =>
  dashboard({
    name: 'overview',
    title: 'Overview',
    description: 'Requests, errors and duration of every service, and what is left of their error budgets.',
    rows: [
      {
        title: 'What people get',
        panels: [asked(services), broken(services), waited(services), alerts(), answering(services)],
      },
      { title: 'Services', panels: [everyService(services)] },
      { title: 'Requests', panels: [requests(services), errors(services), slowest(services)] },
      { title: 'What may be short', panels: [connections(), jobs(), feeds()] },
    ],
  })

const metric = 'http.server.request.duration'
const by = 'service.name'

/** A stream is open for as long as somebody listens: that is no delay. */
export const answers = { 'staffmesh.kind': { not: ['stream'] } }

const namesOf = (services: readonly Service[]) => services.map(({ name }) => name)

/** People and partners ask application services. */
const forPeople = (services: readonly Service[]) => ({
  [by]: namesOf(services.filter(({ layer }) => layer === 'application')),
})

const asked = (services: readonly Service[]) =>
  number(
    {
      title: 'Requests',
      description: 'What people and partners ask of the application services.',
      unit: RequestsPerSecond,
    },
    frequency(metric, [], forPeople(services)),
  )

const broken = (services: readonly Service[]) =>
  number(
    {
      title: 'Failed',
      description: 'Share of those that was answered with a 5xx.',
      unit: PercentUnit,
      bad: { above: 0.01 },
    },
    failed(metric, [], forPeople(services)),
  )

const waited = (services: readonly Service[]) =>
  number(
    {
      title: 'Duration, p99',
      description: 'Time to answer all but the slowest of a hundred of those; streams are not counted.',
      unit: Seconds,
      bad: { above: Math.max(...services.map(({ slo }) => slo.latency.command / 1000)) },
    },
    within(0.99, metric, [], { ...forPeople(services), ...answers }),
  )

const alerts = () =>
  number(
    {
      title: 'Alerts',
      description: 'How many alerts fire; each names its runbook.',
      unit: Short,
      bad: { above: 1 },
    },
    'count(ALERTS{alertstate="firing"}) or vector(0)',
  )

const answering = (services: readonly Service[]) =>
  number(
    {
      title: `Services that answer, of ${services.length}`,
      description:
        'Services that answered a request in the last five minutes. One that is missing is down, or nobody asks it.',
      unit: Short,
      bad: { below: services.length },
    },
    `count(${sum([labelName(by)], `rate(${series(metric, 'count', { [by]: namesOf(services) })}[5m])`)} > 0)`,
  )

const everyService = (services: readonly Service[]) =>
  rows(
    {
      title: 'Every service',
      description: 'As of now; streams are not counted as slow.',
      expected: services.length,
    },
    { [labelName(by)]: 'Service' },
    { title: 'Requests', unit: RequestsPerSecond, expr: frequency(metric, [by], of(services)) },
    { title: 'Failed', unit: PercentUnit, expr: failed(metric, [by], of(services)), bad: { above: 0.01 } },
    ...[0.5, 0.95, 0.99].map((quantile) => ({
      title: `p${quantile * 100}`,
      unit: Seconds,
      expr: within(quantile, metric, [by], { ...of(services), ...answers }),
    })),
  )

const of = (services: readonly Service[]) => ({ [by]: namesOf(services) })

const requests = (services: readonly Service[]) =>
  frequencies(
    { metric, by, of: of(services) },
    { title: 'Requests', description: 'What each service is asked, from outside and by others.' },
  )

const errors = (services: readonly Service[]) =>
  failures(
    { metric, by, of: of(services) },
    { title: 'Failed', description: 'Share that each service answered with a 5xx.' },
  )

const slowest = (services: readonly Service[]) =>
  durations(
    0.99,
    { metric, by, of: { ...of(services), ...answers } },
    { title: 'Duration, p99', description: 'Time to answer all but the slowest of a hundred.' },
  )

const connections = () =>
  durations(
    0.99,
    { metric: 'db.client.connection.wait_time', by, of: {} },
    {
      title: 'Wait for a pool connection, p99',
      description:
        '99 of 100 got one within. More than some milliseconds: the pool is too small, or statements too slow.',
      bad: { above: 0.1 },
    },
  )

const jobs = () =>
  durations(
    0.95,
    { metric: 'staffmesh.job.lag', by, of: {} },
    {
      title: 'Jobs begin late by, p95',
      description: '95 of 100 began within that time after they were due.',
    },
  )

const feeds = () =>
  lines(
    {
      title: 'Feeds are behind by, p95',
      description:
        '95 of 100 pages of a feed were applied within that time after the youngest event in them.',
      unit: Seconds,
    },
    {
      expr: within(0.95, 'staffmesh.feed.lag', [by, 'staffmesh.feed'], {}),
      legend: `${legendOf(by)} ← ${legendOf('staffmesh.feed')}`,
    },
  )
