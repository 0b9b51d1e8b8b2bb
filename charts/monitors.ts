import { ApiObject, type Chart, JsonPatch } from 'cdk8s'
import { collector } from '../mesh/egress.ts'
import { limitService } from '../mesh/global-limits.ts'
import { proxyMetricsPort } from '../mesh/monitoring.ts'
import { namespaces, product, selects } from '../mesh/resource.ts'
import { scrapeJobs } from '../observability/names.ts'
import type { Group } from '../observability/rules/rule.ts'
import {
  limitMetricRelabelings,
  proxyMetricRelabelings,
  proxyMetricsPath,
  scrapeInterval,
  servicesMetricRelabelings,
} from '../observability/scraping.ts'

/**
 * Where Istio's agent puts the certificate of the Prometheus that has a sidecar:
 * https://istio.io/latest/docs/ops/integrations/prometheus/#tls-settings
 */
const certificates = '/etc/prom-certs'
const mutualTls = {
  scheme: 'https',
  tlsConfig: {
    caFile: `${certificates}/root-cert.pem`,
    certFile: `${certificates}/cert-chain.pem`,
    keyFile: `${certificates}/key.pem`,
    // It checks names, certificates of the mesh have identities: what it connects to is the pod that it has found.
    insecureSkipVerify: true,
  },
}

const pod = (what: string) => `__meta_kubernetes_pod_${what}`

/** The port that each sidecar names, of a pod that is not done; its numbers are at the agent beside it. */
const ofTheAgent = [
  { sourceLabels: [pod('container_port_name')], regex: 'http-envoy-prom', action: 'keep' },
  { sourceLabels: [pod('phase')], regex: 'Running', action: 'keep' },
  {
    sourceLabels: [pod('ip')],
    regex: '(.+)',
    targetLabel: '__address__',
    replacement: `$1:${proxyMetricsPort}`,
    action: 'replace',
  },
  { sourceLabels: [pod('label_app_kubernetes_io_part_of')], targetLabel: 'workload', action: 'replace' },
  { targetLabel: 'job', replacement: scrapeJobs.proxies, action: 'replace' },
]

/**
 * The same as observability/scraping.ts says to a Prometheus of ours, for one of the operator, and the rules.
 * https://prometheus-operator.dev/docs/api-reference/api/
 */
export function monitors(chart: Chart, groups: readonly Group[]): void {
  const endpoint = (port: string, job: string, metricRelabelings: readonly object[] = []) => ({
    port,
    interval: scrapeInterval,
    ...mutualTls,
    relabelings: [{ targetLabel: 'job', replacement: job, action: 'replace' }],
    metricRelabelings,
  })
  object(chart, 'ServiceMonitor', collector.name, {
    selector: selects(collector.name),
    endpoints: [
      endpoint('http-metrics', scrapeJobs.services, servicesMetricRelabelings),
      endpoint('http-own', scrapeJobs.collector),
    ],
  })
  object(chart, 'ServiceMonitor', limitService.name, {
    selector: selects(limitService.name),
    namespaceSelector: { matchNames: [limitService.namespace] },
    endpoints: [endpoint('http-metrics', scrapeJobs.limits, limitMetricRelabelings)],
  })
  object(chart, 'PodMonitor', 'proxies', {
    selector: { matchExpressions: [{ key: 'app.kubernetes.io/part-of', operator: 'Exists' }] },
    namespaceSelector: { matchNames: Object.values(namespaces) },
    podMetricsEndpoints: [
      {
        path: proxyMetricsPath,
        interval: scrapeInterval,
        relabelings: ofTheAgent,
        metricRelabelings: proxyMetricRelabelings,
      },
    ],
  })
  object(chart, 'PrometheusRule', product, { groups })
}

type Kind = 'ServiceMonitor' | 'PodMonitor' | 'PrometheusRule'

function object(chart: Chart, kind: Kind, name: string, spec: object): void {
  new ApiObject(chart, `${kind}-${name}`, {
    apiVersion: 'monitoring.coreos.com/v1',
    kind,
    metadata: { name },
  }).addJsonPatch(JsonPatch.add('/spec', spec))
}
