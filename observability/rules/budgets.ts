import type { Service } from '#kit/service.ts'
import { type Objective, objectivesOf } from './objectives.ts'
import { type Alert, alert, evaluated, type Group, type Recording, type Severity } from './rule.ts'

/** Each with the labels `service_name` and `slo`. */
export const recorded = {
  /** Share of requests that must go well. */
  objective: 'slo:objective:ratio',
  requests: 'slo:requests:rate5m',
  failures: 'slo:failures:rate5m',
  /** Share of requests that did not go well; nothing where there were none. */
  failing: (window: Window) => `slo:failures:ratio${window}`,
  /** Share of the month's failures that are left: 1 when all went well, below 0 when the promise is broken. */
  budgetLeft: 'slo:budget_left:ratio',
} as const

type Window = '5m' | '30m' | '1h' | '2h' | '6h' | '1d' | '3d' | '30d'
const windows: readonly Window[] = ['5m', '30m', '1h', '2h', '6h', '1d', '3d']

interface Burn {
  severity: Severity
  /** How many times faster than evenly over a month the budget is spent. */
  speed: number
  /** The long window says that it matters, the short one that it still goes on. */
  windows: readonly [long: Window, short: Window]
}

/** https://sre.google/workbook/alerting-on-slos/#6-multiwindow-multi-burn-rate-alerts */
export const burns: readonly Burn[] = [
  { severity: 'page', speed: 14.4, windows: ['1h', '5m'] },
  { severity: 'page', speed: 6, windows: ['6h', '30m'] },
  { severity: 'ticket', speed: 3, windows: ['1d', '2h'] },
  { severity: 'ticket', speed: 1, windows: ['3d', '6h'] },
]

/** Fewer than these in the long window call nobody: at night one failure may be all requests that there were. */
export const fewest = 5

/**
 * What is recorded of each promise. Longer windows are made of the five minutes' rates: that costs little, and weighs
 * each minute by its requests.
 */
export function budgets(services: readonly Service[]): Group[] {
  return [
    ...services.map((service) => ({
      name: `slo-${service.name}`,
      interval: `${evaluated}s`,
      rules: objectivesOf(service).flatMap(counted),
    })),
    {
      name: 'slo-windows',
      interval: `${evaluated}s`,
      rules: windows.map(failing),
    },
    {
      // It looks at most; a value is seen for five minutes.
      name: 'slo-month',
      interval: '2m',
      rules: [
        failing('30d'),
        {
          record: recorded.budgetLeft,
          expr: `1 - ${recorded.failing('30d')} / (1 - ${recorded.objective})`,
        },
      ],
    },
    { name: 'slo-burn', interval: `${evaluated}s`, rules: alerts },
  ]
}

function counted({ service, name, target, requests, failures }: Objective): Recording[] {
  const labels = { service_name: service, slo: name }
  return [
    { record: recorded.objective, expr: `vector(${target})`, labels },
    { record: recorded.requests, expr: requests, labels },
    { record: recorded.failures, expr: failures, labels },
  ]
}

function failing(window: Window): Recording {
  const over = (recordedRate: string) =>
    window === '5m' ? recordedRate : `sum_over_time(${recordedRate}[${window}])`
  return {
    record: recorded.failing(window),
    expr: `${over(recorded.failures)} / (${over(recorded.requests)} > 0)`,
  }
}

const promises = {
  Availability: { slo: 'availability', fails: 'requests are answered with an error' },
  Reachability: { slo: 'reachability', fails: 'requests of its callers fail after all tries' },
  Latency: { slo: 'query-latency|command-latency', fails: 'requests take longer than promised' },
} as const

const alerts: Alert[] = Object.entries(promises).flatMap(([name, { slo, fails }]) =>
  (['page', 'ticket'] as const).map((severity) =>
    alert(severity, `${name}BudgetBurn`, {
      expr: burns
        .filter((burn) => burn.severity === severity)
        .map((burn) => burning(`{slo=~"${slo}"}`, burn))
        .join('\nor\n'),
      summary: `{{ $labels.service_name }}: {{ $value | humanizePercentage }} of ${fails} ({{ $labels.slo }})`,
    }),
  ),
)

function burning(of: string, { speed, windows: [long, short] }: Burn): string {
  const tooMany = `> ${speed} * (1 - ${recorded.objective})`
  return [
    `${recorded.failing(long)}${of} ${tooMany}`,
    `${recorded.failing(short)} ${tooMany}`,
    `sum_over_time(${recorded.failures}[${long}]) * ${evaluated} >= ${fewest}`,
  ].join('\nand ')
}
