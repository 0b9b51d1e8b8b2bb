import { PercentUnit, RequestsPerSecond, Seconds, Short } from '@grafana/grafana-foundation-sdk/units'
import type { Service } from '#kit/service.ts'
import { labelName, series } from '../names.ts'
import { burns, recorded } from '../rules/budgets.ts'
import { dashboard } from './dashboard.ts'
import { bars, lines, number, rows } from './panel.ts'
import { aggregate, frequency, legendOf, sum, within } from './promql.ts'
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
        panels: [
          asked(services),
          broken(services),
          waited(services),
          alerts(),
          answering(services),
          leastBudget(),
        ],
      },
      { title: 'Services', panels: [everyService(services)] },
      { title: 'What was promised', panels: [budgets(), burning()] },
      { title: 'Requests', panels: [requests(services), errors(services), slowest(services)] },
      { title: 'What may be short', panels: [connections(), jobs(), feeds()] },
    ],
  })

const metric = 'http.server.request.duration'
const by = 'service.name'
const ownName = [labelName(by)]

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
    `count(${sum(ownName, `rate(${series(metric, 'count', { [by]: namesOf(services) })}[5m])`)} > 0)`,
  )

/** Rules record it every ten minutes. */
const notYet = 'Known ten minutes after Prometheus began'

const leastBudget = () =>
  number(
    {
      title: 'Least budget left',
      description:
        'Of the month’s error budgets the one that is nearest to its end. Below none of it the promise is broken.',
      unit: PercentUnit,
      bad: { below: 0.1 },
      empty: notYet,
    },
    aggregate('min', [], recorded.budgetLeft),
  )

const budgets = () =>
  bars(
    {
      title: 'Error budget left',
      description:
        'Of what may go wrong in thirty days, for each service of the promise that is nearest to its end: its own answers, what its callers got, or its duration.',
      unit: PercentUnit,
      bad: { below: 0.1 },
      empty: notYet,
      width: 12,
    },
    { expr: `sort(${aggregate('min', ownName, recorded.budgetLeft)})`, legend: legendOf(by) },
  ).max(1)

const burning = () =>
  lines(
    {
      title: 'Budget is spent, times as fast as it may be',
      description: `Over an hour, of each service’s promise that is worst kept. At 1 the month’s budget lasts a month; at ${fastest} it is gone in two days, and somebody is called.`,
      unit: Short,
      bad: { above: fastest },
      width: 12,
    },
    {
      expr: aggregate('max', ownName, `${recorded.failing('1h')} / (1 - ${recorded.objective})`),
      legend: legendOf(by),
    },
  )

const fastest = Math.max(...burns.map(({ speed }) => speed))

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
      empty: 'No job was due',
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
