import { collector, collectorMetricsPorts } from '../mesh/egress.ts'
import { limitMetricsPort, limitService } from '../mesh/global-limits.ts'
import { proxyMetricsPort } from '../mesh/monitoring.ts'
import { dnsNameOf } from '../mesh/resource.ts'
import { scrapeJobs } from './names.ts'

export const scrapeInterval = '15s'

/** Beside the configuration. */
export const rulesFile = 'rules.yaml'

/** Written by the collector's exporter beside the attributes themselves, and what it tells of nobody without those. */
export const servicesMetricRelabelings = [
  { sourceLabels: ['__name__'], regex: 'target_info', action: 'drop' },
  { action: 'labeldrop', regex: 'exported_(job|instance)' },
] as const

/** Of the agent in each sidecar: the numbers of Envoy that istio-values.ts keeps, and of the agent its certificate. */
const wanted =
  'envoy_(cluster|http|listener|server_live|tcp|.+_http_local_rate_limit).*|istio_agent_cert_expiry_seconds'

/** Pods with a sidecar: a service with its worker, a database, … */
export interface Meshed {
  namespace: string
  /** Their label `part-of`. */
  unit: string
}

/** The name of a unit's pods for those who fetch numbers. */
export const proxiesOf = (unit: string) => `${unit}-proxies`

export const proxyMetricRelabelings = [
  { sourceLabels: ['__name__'], regex: wanted, action: 'keep' },
  // Of their talk with the control plane, which the agent beside them tells in fewer words.
  { sourceLabels: ['__name__'], regex: 'envoy_(cluster|listener)_manager_.*', action: 'drop' },
  { sourceLabels: ['cluster_name'], regex: 'xds-grpc', action: 'drop' },
] as const
export const proxyMetricsPath = '/stats/prometheus'

/** Without what the service tells of its own process. */
export const limitMetricRelabelings = [
  { sourceLabels: ['__name__'], regex: 'staffmesh_tenant_.*', action: 'keep' },
] as const

/** As DNS names them: whose pods, and their namespace. */
const proxiesByName = `${proxiesOf('(.+)')}[.]([^.]+)[.]svc[.].+`

const collectorAt = (port: number) => `${dnsNameOf(collector.name, collector.namespace)}:${port}`

/** Prometheus' own configuration has the names of the operator's with underscores. */
const inFile = (rules: readonly { sourceLabels?: readonly string[]; regex: string; action: string }[]) =>
  rules.map(({ sourceLabels, ...rule }) => ({
    ...(sourceLabels ? { source_labels: sourceLabels } : {}),
    ...rule,
  }))

/**
 * What our own Prometheus fetches, and how often.
 * https://prometheus.io/docs/prometheus/latest/configuration/configuration/
 */
export const scrapeConfiguration = (workloads: readonly Meshed[]) => ({
  global: { scrape_interval: scrapeInterval, evaluation_interval: scrapeInterval },
  rule_files: [rulesFile],
  scrape_configs: [
    {
      job_name: scrapeJobs.services,
      static_configs: [{ targets: [collectorAt(collectorMetricsPorts.services)] }],
      metric_relabel_configs: inFile(servicesMetricRelabelings),
    },
    {
      job_name: scrapeJobs.collector,
      static_configs: [{ targets: [collectorAt(collectorMetricsPorts.own)] }],
    },
    {
      job_name: scrapeJobs.limits,
      static_configs: [
        { targets: [`${dnsNameOf(limitService.name, limitService.namespace)}:${limitMetricsPort}`] },
      ],
      metric_relabel_configs: inFile(limitMetricRelabelings),
    },
    {
      job_name: scrapeJobs.proxies,
      metrics_path: proxyMetricsPath,
      dns_sd_configs: [
        {
          names: workloads.map(({ unit, namespace }) => dnsNameOf(proxiesOf(unit), namespace)).sort(),
          type: 'A',
          port: proxyMetricsPort,
          refresh_interval: '5s',
        },
      ],
      relabel_configs: [
        {
          source_labels: ['__meta_dns_name'],
          regex: proxiesByName,
          target_label: 'workload',
          replacement: '$1',
        },
        {
          source_labels: ['__meta_dns_name'],
          regex: proxiesByName,
          target_label: 'namespace',
          replacement: '$2',
        },
      ],
      metric_relabel_configs: inFile(proxyMetricRelabelings),
    },
  ],
})
