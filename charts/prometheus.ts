import { type Chart, Yaml } from 'cdk8s'
import { k8s } from 'cdk8s-plus-34'
import { restrictedContainer } from '../cdk8s/constructs/restricted.ts'
import { workload } from '../cdk8s/constructs/workload.ts'
import { prometheusPort, proxyMetricsPort, prometheus as self } from '../mesh/monitoring.ts'
import { selects } from '../mesh/resource.ts'
import type { Group } from '../observability/rules/rule.ts'
import { type Meshed, proxiesOf, rulesFile, scrapeConfiguration } from '../observability/scraping.ts'

const configFolder = '/etc/staffmesh/prometheus'
const configFile = 'prometheus.yaml'
const dataFolder = '/prometheus'

/** Prometheus, which fetches the numbers of all workloads, keeps those of a day, and says what is wrong. */
export function prometheus(
  chart: Chart,
  image: string,
  workloads: readonly Meshed[],
  groups: readonly Group[],
): void {
  const files = {
    [configFile]: Yaml.stringify(scrapeConfiguration(workloads)),
    [rulesFile]: Yaml.stringify({ groups }),
  }
  new k8s.KubeConfigMap(chart, 'prometheus-configuration', { metadata: { name: self.name }, data: files })
  names(chart, workloads)
  const port = k8s.IntOrString.fromString('http-query')
  const probe = (path: string) => ({ httpGet: { path, port }, timeoutSeconds: 2 })
  workload(chart, self.name, [{ name: 'http-query', port: prometheusPort, appProtocol: 'http' }], {
    replicas: 1,
    configuration: Object.values(files).join('\n'),
    // Numbers of proxies are fetched past them.
    annotations: { 'traffic.sidecar.istio.io/excludeOutboundPorts': String(proxyMetricsPort) },
    container: {
      ...restrictedContainer,
      name: self.name,
      image,
      args: [
        `--config.file=${configFolder}/${configFile}`,
        `--storage.tsdb.path=${dataFolder}`,
        '--storage.tsdb.retention.time=1d',
        '--storage.tsdb.retention.size=900MB',
        `--web.listen-address=:${prometheusPort}`,
      ],
      env: [{ name: 'GOMEMLIMIT', value: '400MiB' }],
      ports: [{ name: 'http-query', containerPort: prometheusPort }],
      resources: {
        requests: { cpu: k8s.Quantity.fromString('50m'), memory: k8s.Quantity.fromString('128Mi') },
        limits: { memory: k8s.Quantity.fromString('640Mi') },
      },
      startupProbe: { ...probe('/-/ready'), periodSeconds: 1, failureThreshold: 60 },
      readinessProbe: { ...probe('/-/ready'), periodSeconds: 2, failureThreshold: 1 },
      livenessProbe: { ...probe('/-/healthy'), periodSeconds: 10, failureThreshold: 3 },
      volumeMounts: [
        { name: 'config', mountPath: configFolder, readOnly: true },
        { name: 'data', mountPath: dataFolder },
      ],
    },
    volumes: [
      { name: 'config', configMap: { name: self.name } },
      { name: 'data', emptyDir: { sizeLimit: k8s.Quantity.fromString('1Gi') } },
    ],
  })
}

/**
 * A name for the pods of each workload that are ready; those of Jobs that have ended would be asked for ever. Debian's
 * Prometheus finds whom it asks by DNS alone, and needs no rights on the API server for that. Without a port proxies know
 * nothing of it.
 */
function names(chart: Chart, workloads: readonly Meshed[]): void {
  for (const { unit, namespace } of workloads)
    new k8s.KubeService(chart, `proxies-${namespace}-${unit}`, {
      metadata: { name: proxiesOf(unit), namespace },
      spec: { clusterIp: 'None', selector: selects(unit).matchLabels },
    })
}
