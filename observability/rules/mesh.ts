import { anyValue, byCallee, calledService, matcher, proxyMetrics, type Wanted } from '../names.ts'
import { alert, evaluated, type Group } from './rule.ts'

/** How calls get on, as the callers' proxies tell. */
export const mesh = (): Group => ({
  name: 'mesh',
  interval: `${evaluated}s`,
  rules: [
    alert('page', 'NoReplica', {
      expr: `${most(proxyMetrics.replicas)} == 0`,
      for: '2m',
      summary: '{{ $labels.service_name }} has no replica that could answer',
    }),
    alert('ticket', 'ReplicaEjected', {
      // Who is left out comes back to be tried, for as long as five failures take; that is not well yet.
      expr: `${most(proxyMetrics.ejected, '5m')} > 0`,
      for: '15m',
      summary: '{{ $labels.service_name }}: callers leave out {{ $value }} of its replicas, for they fail',
    }),
    alert('ticket', 'RetriesExhausted', {
      expr: `(${perSecond(proxyMetrics.retriesExhausted)} + ${perSecond(proxyMetrics.retriesOverBudget)}) / ${answers} > 0.01`,
      for: '10m',
      summary: '{{ $labels.service_name }}: {{ $value | humanizePercentage }} of requests run out of tries',
    }),
    alert('ticket', 'TenantsLimited', {
      expr: `${perSecond(proxyMetrics.answers, { response_code: '429' })} / ${answers} > 0.05`,
      for: '15m',
      summary: '{{ $labels.service_name }}: {{ $value | humanizePercentage }} of requests are beyond a limit',
    }),
    alert('page', 'CertificateNotRenewed', {
      // It lasts a day and is renewed at half of it.
      expr: `min by (namespace, workload, instance) (${proxyMetrics.certificateEndsIn}) < 6 * 3600`,
      for: '10m',
      summary:
        'The certificate of {{ $labels.workload }} at {{ $labels.instance }} ends in {{ $value | humanizeDuration }}',
    }),
  ],
})

/** Per callee: of several callers and versions the one that sees most, or saw within a time. */
function most(gauge: string, within?: string): string {
  const seen = `${gauge}{${calledService()}}`
  return `max by (service_name) (${byCallee(within ? `max_over_time(${seen}[${within}])` : seen)})`
}

/** Per callee, from all callers. */
function perSecond(counter: string, wanted: Readonly<Record<string, Wanted>> = {}): string {
  const labels = [calledService(), ...Object.entries(wanted).map(([label, value]) => matcher(label, value))]
  return `sum by (service_name) (${byCallee(`rate(${counter}{${labels.join(',')}}[5m])`)})`
}

const answers = perSecond(proxyMetrics.answers, { response_code_class: anyValue })
