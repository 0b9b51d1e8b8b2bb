import { Chart, Yaml } from 'cdk8s'
import { k8s } from 'cdk8s-plus-34'
import type { Construct } from 'constructs'
import { restrictedContainer } from '../cdk8s/constructs/restricted.ts'
import { workload } from '../cdk8s/constructs/workload.ts'
import type { Environment, Telemetry } from '../cdk8s/environments.ts'
import { collector, collectorMetricsPorts, collectorPorts } from '../mesh/egress.ts'
import { traceStore, traceStorePort } from '../mesh/monitoring.ts'
import { dnsNameOf } from '../mesh/resource.ts'
import { collectorConfiguration, healthPort, memory, variables } from '../observability/collector.ts'
import type { Group } from '../observability/rules/rule.ts'
import type { Meshed } from '../observability/scraping.ts'
import { jaeger } from './jaeger.ts'
import { monitors } from './monitors.ts'
import { prometheus } from './prometheus.ts'

/** The collector, to which every workload sends its traces, metrics and logs, and who keeps them. */
export class TelemetryChart extends Chart {
  constructor(
    scope: Construct,
    id: string,
    { telemetry }: Environment,
    { workloads, rules }: { workloads: readonly Meshed[]; rules: readonly Group[] },
  ) {
    super(scope, id, { namespace: collector.namespace, disableResourceNameHashes: true })
    const { traces, metrics } = telemetry
    this.#collector(telemetry)
    if ('image' in traces) jaeger(this, traces.image)
    if ('image' in metrics) prometheus(this, metrics.image, workloads, rules)
    else monitors(this, rules)
  }

  #collector({ image, sampling, traces }: Telemetry) {
    const configuration = Yaml.stringify(collectorConfiguration({ sampling, outside: 'outside' in traces }))
    new k8s.KubeConfigMap(this, 'configuration', {
      metadata: { name: collector.name },
      data: { [configFile]: configuration },
    })
    workload(this, collector.name, servicePorts, {
      // Of a trace it must see all spans, and a series that two tell would count twice. While it is replaced, counts go
      // on where they were; traces of these seconds may lack spans.
      replicas: 1,
      configuration,
      container: containerOf(image, traces),
      volumes: [{ name: 'config', configMap: { name: collector.name } }],
    })
  }
}

const configFolder = '/etc/staffmesh/collector'
const configFile = 'collector.yaml'
/** By its environment, not by its configuration: with another value the pod is another. */
const takerOf = (traces: Telemetry['traces']): k8s.EnvVar[] =>
  'image' in traces
    ? [
        {
          name: variables.url,
          value: `http://${dnsNameOf(traceStore.name, traceStore.namespace)}:${traceStorePort}`,
        },
      ]
    : [
        { name: variables.url, value: `https://${traces.outside.host}:${traces.outside.port}` },
        {
          name: variables.token,
          valueFrom: { secretKeyRef: { name: traces.outside.tokenSecret, key: 'token' } },
        },
      ]

const otlpPorts = [
  { name: 'http-otlp', port: collectorPorts.http, appProtocol: 'http' },
  { name: 'grpc-otlp', port: collectorPorts.grpc, appProtocol: 'grpc' },
]
const metricsPorts = [
  { name: 'http-metrics', port: collectorMetricsPorts.services, appProtocol: 'http' },
  { name: 'http-own', port: collectorMetricsPorts.own, appProtocol: 'http' },
]
const servicePorts = [...otlpPorts, ...metricsPorts]

/** The image's entrypoint is the collector, by whatever name. */
const containerOf = (image: string, traces: Telemetry['traces']): k8s.Container => ({
  ...restrictedContainer,
  name: 'collector',
  image,
  args: [`--config=${configFolder}/${configFile}`],
  env: [{ name: 'GOMEMLIMIT', value: `${Math.floor(memory * 0.8)}MiB` }, ...takerOf(traces)],
  ports: [
    ...servicePorts.map(({ name, port }) => ({ name, containerPort: port })),
    { name: 'http-health', containerPort: healthPort },
  ],
  resources: {
    requests: { cpu: k8s.Quantity.fromString('50m'), memory: k8s.Quantity.fromString('96Mi') },
    limits: { memory: k8s.Quantity.fromString(`${memory}Mi`) },
  },
  startupProbe: { ...healthy, periodSeconds: 1, failureThreshold: 60 },
  readinessProbe: { ...healthy, periodSeconds: 2, failureThreshold: 1 },
  livenessProbe: { ...healthy, periodSeconds: 10, failureThreshold: 3 },
  // It stops at once, so proxies learn of it first.
  lifecycle: { preStop: { sleep: { seconds: 5 } } },
  volumeMounts: [{ name: 'config', mountPath: configFolder, readOnly: true }],
})

const healthy = {
  httpGet: { path: '/', port: k8s.IntOrString.fromString('http-health') },
  timeoutSeconds: 2,
}
