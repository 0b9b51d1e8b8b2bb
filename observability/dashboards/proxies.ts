import { namespaces } from '../../mesh/resource.ts'
import { byCallee, calledService, labelName, matcher, proxyMetrics, scrapeJobs } from '../names.ts'
import { aggregate, rate, share, sum } from './promql.ts'

/** Of a call between workloads: who calls, and whom. */
export const ends = ['workload', labelName('service.name')] as const
export const legendOfCall = `{{${ends[0]}}} → {{${ends[1]}}}`

type Proxied = keyof typeof proxyMetrics

/** Series of proxies with these labels besides. */
export const proxied = (metric: Proxied, ...labels: string[]) => withLabels(proxyMetrics[metric], ...labels)

const withLabels = (name: string, ...labels: string[]) =>
  `${name}{${[matcher('job', scrapeJobs.proxies), ...labels].join(',')}}`

/** Of callers' proxies per second, summed by the ends of the calls or some of them. */
export const calling = (metric: Proxied, by: readonly string[] = ends, ...labels: string[]) =>
  sum(by, byCallee(rate(proxied(metric, calledService(), ...labels))))

/** As it is now, put together in the same way. */
export const callersNow = (
  metric: Proxied,
  by: readonly string[] = ends,
  how: 'sum' | 'min' = 'sum',
  ...labels: string[]
) => aggregate(how, by, byCallee(proxied(metric, calledService(), ...labels)))

/** Of all versions of the callee together: where there is no canary, its part has no replicas. */
export const allVersions = 'cluster_name=~"outbound[|][0-9]+[|][|].+"'

/** Of Istio's standard metrics, which proxies with Istio's filters have, and stock Envoys have not. */
const standard = (metric: string, ...labels: string[]) => {
  const ofServices = ['reporter="source"', matcher('destination_service_namespace', namespaces.services)]
  const perSecond = rate(`${metric}{${[...ofServices, ...labels].join(',')}}`)
  // A service and its worker have one identity, and are one workload.
  const calling = `label_replace(${perSecond}, "${ends[0]}", "$1", "source_principal", ".*/sa/(.+)")`
  return `label_replace(${calling}, "${ends[1]}", "$1", "destination_service_name", "(.+)")`
}

/** Istio's where they are, Envoy's own where they are not. */
const either = (istio: string, envoy: string) => `(${istio} or ${envoy})`

export interface Calls {
  /** Summed by these labels. */
  by?: readonly string[]
  /** Namespace of the callers; of all, unless told. */
  from?: string
}

/**
 * Calls per second, all of them or those with such an answer. Envoy counts each answer by its code and once more by its
 * class, so each way of counting leaves out the other.
 */
export const calls = ({ by = ends, from }: Calls = {}, answer = 'response_code!=""') =>
  either(
    sum(
      by,
      standard('istio_requests_total', answer, ...(from ? [matcher('source_workload_namespace', from)] : [])),
    ),
    calling('answers', by, answer, ...(from ? [matcher('namespace', from)] : [])),
  )

export const failedCalls = (which: Calls = {}) => share(calls(which, 'response_code=~"5.."'), calls(which))

/** Seconds within which that share was answered. */
export function callsWithin(quantile: number, { by = ends, from }: Calls = {}): string {
  const istio = standard(
    'istio_request_duration_milliseconds_bucket',
    ...(from ? [matcher('source_workload_namespace', from)] : []),
  )
  const envoy = withLabels(
    `${proxyMetrics.answerTime}_bucket`,
    calledService(),
    ...(from ? [matcher('namespace', from)] : []),
  )
  const within = (buckets: string) => `histogram_quantile(${quantile}, ${sum(['le', ...by], buckets)})`
  return `${either(within(istio), within(byCallee(rate(envoy))))} / 1000`
}

const ours = `cluster_name=~"outbound.*[.](${Object.values(namespaces).join('|')})[.]svc[.].*"`

/** The share of mutual TLS, of requests as the callee saw them, or of all connections that the proxies have made. */
export const mutualTls = (by: readonly string[]) =>
  either(
    share(
      requestsSeen(by, 'connection_security_policy="mutual_tls"'),
      requestsSeen(by, 'connection_security_policy!=""'),
    ),
    `${sum(by, proxied('handshakes', ours))} / (${sum(by, proxied('connections', ours))} - ${sum(by, proxied('connectionsFailed', ours))})`,
  )

const requestsSeen = (by: readonly string[], policy: string) =>
  sum(
    by,
    `label_replace(${rate(`istio_requests_total{reporter="destination",${policy}}`)}, "${ends[0]}", "$1", "destination_canonical_service", "(.+)")`,
  )
