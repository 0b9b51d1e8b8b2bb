import {
  OpsPerSecond,
  PercentUnit,
  RequestsPerSecond,
  Seconds,
  Short,
} from '@grafana/grafana-foundation-sdk/units'
import type { Service } from '#kit/service.ts'
import { graphOf } from '../../mesh/graph.ts'
import { dashboard } from './dashboard.ts'
import { lines, number, rows } from './panel.ts'
import { aggregate, rate, share, sum } from './promql.ts'
import {
  allVersions,
  callersNow,
  calling,
  calls,
  callsWithin,
  ends,
  failedCalls,
  legendOfCall,
  mutualTls,
  proxied,
} from './proxies.ts'

/** Who calls whom, and what the mesh does about what goes wrong. */
export const mesh = (services: readonly Service[]) =>
  dashboard({
    name: 'mesh',
    title: 'Mesh',
    description:
      'Calls between workloads as their proxies count them, after all tries unless told; and what the mesh retried, left out, refused and encrypted.',
    rows: [
      {
        title: 'All calls',
        panels: [allCalls(), allFailed(), allRetried(), allEjected(), allEncrypted(), allLimited()],
      },
      { title: 'Who calls whom', panels: [everyPair(services)] },
      { title: 'Calls', panels: [rates(), failures(), durations()] },
      {
        title: 'What the mesh does about it',
        panels: [retries(), givenUp(), ejected(), replicas(), unconnected(), overflowing()],
      },
      { title: 'Who may', panels: [encrypted(), refused(), certificates()] },
      { title: 'Limits', panels: [limited(), limitedOverall()] },
    ],
  })

/** Of a caller that has a worker both call, or one of them. */
function pairsOf(services: readonly Service[]): number {
  const { edges } = graphOf(services)
  return new Set(edges.map((edge) => `${edge.caller} ${edge.callee}`)).size
}

const [caller, callee] = ends
const legendOfWorkload = `{{${caller}}}`
const legendOfCallee = `{{${callee}}}`

const allCalls = () =>
  number(
    { title: 'Calls', description: 'Between all services and from the edge.', unit: RequestsPerSecond },
    calls({ by: [] }),
  )

const allFailed = () =>
  number(
    {
      title: 'Failed',
      description: 'Share that callers got a 5xx for, after all tries.',
      unit: PercentUnit,
      bad: { above: 0.01 },
    },
    failedCalls({ by: [] }),
  )

const allRetried = () =>
  number(
    {
      title: 'Tried again',
      description: 'Tries beyond the first, as a share of calls. The budget of retries ends them at a fifth.',
      unit: PercentUnit,
      bad: { above: 0.05 },
    },
    share(calling('retries', []), calls({ by: [] })),
  )

const allEjected = () =>
  number(
    {
      title: 'Left out now',
      description: 'Replicas that some caller leaves out since they failed; each caller that does counts.',
      unit: Short,
      bad: { above: 1 },
    },
    callersNow('ejected', []),
  )

const allEncrypted = () =>
  number(
    {
      title: 'Mutual TLS',
      description:
        'Share of requests or connections between our workloads; less than all means that a policy is missing.',
      unit: PercentUnit,
      bad: { below: 0.999 },
    },
    mutualTls([]),
  )

const allLimited = () =>
  number(
    {
      title: 'Over a limit',
      description: 'Requests that were answered with 429 since a tenant or an address had sent too many.',
      unit: RequestsPerSecond,
      bad: { above: 1 },
    },
    `${sum([], rate(proxied('overLimit')))} + (${sum([], rate(proxied('overLimitOverall')))} or vector(0))`,
  )

const everyPair = (services: readonly Service[]) =>
  rows(
    {
      title: 'Every pair that talks',
      description:
        'As of now. A caller that follows a feed waits for events in long polls: that is no delay.',
      expected: pairsOf(services),
    },
    { [caller]: 'Caller', [callee]: 'Callee' },
    { title: 'Calls', unit: RequestsPerSecond, expr: `${calls()} > 0` },
    { title: 'Failed', unit: PercentUnit, expr: failedCalls(), bad: { above: 0.01 } },
    {
      title: 'Tried again',
      unit: PercentUnit,
      expr: share(calling('retries'), calls()),
      bad: { above: 0.05 },
    },
    { title: 'p50', unit: Seconds, expr: callsWithin(0.5) },
    { title: 'p99', unit: Seconds, expr: callsWithin(0.99) },
    { title: 'Left out', unit: Short, expr: callersNow('ejected'), bad: { above: 1 } },
  )

const rates = () =>
  lines(
    { title: 'Calls', description: 'By caller and callee.', unit: RequestsPerSecond },
    { expr: calls(), legend: legendOfCall },
  )

const failures = () =>
  lines(
    {
      title: 'Failed',
      description: 'Share that the caller got a 5xx for, after all tries; by caller and callee.',
      unit: PercentUnit,
    },
    { expr: failedCalls(), legend: legendOfCall },
  )

const durations = () =>
  lines(
    {
      title: 'Duration, p95',
      description: 'Time until the caller’s proxy had the answer; long polls of feeds are among them.',
      unit: Seconds,
    },
    { expr: callsWithin(0.95), legend: legendOfCall },
  )

const retries = () =>
  lines(
    {
      title: 'Tried again',
      description: 'Tries beyond the first: of queries, and of commands that have a key.',
      unit: RequestsPerSecond,
    },
    { expr: calling('retries'), legend: legendOfCall },
  )

const givenUp = () =>
  lines(
    {
      title: 'Given up',
      description:
        'Calls that had been tried as often as they may be, and those that the budget of retries kept from it; by callee.',
      unit: RequestsPerSecond,
    },
    { expr: calling('retriesExhausted', [callee]), legend: `${legendOfCallee}, all tries failed` },
    { expr: calling('retriesOverBudget', [callee]), legend: `${legendOfCallee}, over budget` },
  )

const ejected = () =>
  lines(
    {
      title: 'Replicas left out',
      description: 'By a caller, since they had failed again and again. They come back by themselves.',
      unit: Short,
    },
    { expr: callersNow('ejected'), legend: legendOfCall },
  )

const replicas = () =>
  lines(
    {
      title: 'Replicas that could answer',
      description: 'As the caller that knows the fewest sees it; where there is none, calls fail at once.',
      unit: Short,
      bad: { below: 1 },
    },
    { expr: callersNow('replicas', [callee], 'min', allVersions), legend: legendOfCallee },
  )

const unconnected = () =>
  lines(
    {
      title: 'Connections that failed',
      description: 'By callee: it was not there, or the two could not agree on TLS.',
      unit: OpsPerSecond,
    },
    { expr: calling('connectionsFailed', [callee]), legend: legendOfCallee },
  )

const overflowing = () =>
  lines(
    {
      title: 'Refused by the circuit breaker',
      description:
        'Calls that were answered with 503 at once, since too many were waiting for a connection; by callee.',
      unit: RequestsPerSecond,
    },
    { expr: calling('overflowing', [callee]), legend: legendOfCallee },
  )

const encrypted = () =>
  lines(
    {
      title: 'Mutual TLS',
      description:
        'Share of requests to a workload, or of connections that it made. Anything but all of them: look for a policy that lets plaintext in.',
      unit: PercentUnit,
    },
    { expr: mutualTls([caller]), legend: legendOfWorkload },
  )

const refused = () =>
  lines(
    {
      title: 'Refused by a policy',
      description:
        'Requests that an authorization policy of the callee denied. Ours never are: a rollout that went wrong, or an intruder.',
      unit: RequestsPerSecond,
      bad: { above: 1 },
    },
    {
      expr: sum([caller], rate(proxied('decided', 'authz_enforce_result="denied"'))),
      legend: legendOfWorkload,
    },
  )

const certificates = () =>
  lines(
    {
      title: 'Certificates end in',
      description:
        'The workload whose certificate ends first. They are renewed when half of their day is over.',
      unit: Seconds,
      bad: { below: 3600 },
    },
    { expr: aggregate('min', [caller], proxied('certificateEndsIn')), legend: legendOfWorkload },
  )

const limited = () =>
  lines(
    {
      title: 'Over the limit of a replica',
      description:
        'Requests that a replica answered with 429, since their tenant had used up its share of it.',
      unit: RequestsPerSecond,
      width: 12,
    },
    { expr: sum([caller], rate(proxied('overLimit'))), legend: legendOfWorkload },
  )

const limitedOverall = () =>
  lines(
    {
      title: 'Over the limit of all replicas',
      description:
        'Requests that were answered with 429, since their tenant or address had used up its share of all replicas.',
      unit: RequestsPerSecond,
      width: 12,
      empty: 'Nobody was over such a limit',
    },
    { expr: sum([caller], rate(proxied('overLimitOverall'))), legend: legendOfWorkload },
  )
