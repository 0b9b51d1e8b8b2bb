import {
  byCallee,
  calledService,
  collectorMetrics,
  matcher,
  proxyMetrics,
  scrapeJobs,
  series,
} from '../names.ts'
import { alert, evaluated, type Group } from './rule.ts'

const collectorAnswers = `up{${matcher('job', scrapeJobs.collector)}} == 1`

/** It holds, and not because nobody could hear of something: for that there is an alert of its own. */
const heard = (condition: string) => `${condition} and on () (${collectorAnswers})`

export const missing = (series: string) => heard(`absent(${series})`)

/** Whether it would be seen if something were wrong. */
export const telemetry = (): Group => ({
  name: 'telemetry',
  interval: `${evaluated}s`,
  rules: [
    alert('page', 'CollectorDown', {
      expr: `absent(${collectorAnswers})`,
      for: '5m',
      summary: 'No collector answers: what services tell is lost, and most other alerts are blind',
    }),
    alert('ticket', 'CollectorRefuses', {
      expr: anyGrows(collectorMetrics.refused),
      for: '10m',
      summary: '{{ $labels.instance }} is out of memory and refuses what services tell',
    }),
    alert('ticket', 'CollectorCannotSend', {
      expr: anyGrows(collectorMetrics.unsent),
      for: '10m',
      summary: '{{ $labels.instance }} cannot hand on to {{ $labels.exporter }} what services tell',
    }),
    alert('ticket', 'TelemetryLost', {
      // Not whether they grow: what is asked for the first time begins to be counted, which is no increase.
      expr: heard(
        `(${answered} > 0 unless on (service_name) ${series('http.server.request.duration', 'count')})`,
      ),
      for: '15m',
      summary:
        '{{ $labels.service_name }} answers its callers and tells nothing: its promises are not watched',
    }),
  ],
})

const anyGrows = (counters: readonly string[]) =>
  counters.map((counter) => `sum by (instance, exporter) (rate(${counter}[5m])) > 0`).join('\nor ')

const wellAnswered = `${proxyMetrics.answers}{${calledService()},${matcher('response_code_class', '2xx')}}`
const answered = `sum by (service_name) (${byCallee(`rate(${wellAnswered}[10m])`)})`
