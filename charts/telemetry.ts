import { Chart, Yaml } from 'cdk8s'
import { k8s } from 'cdk8s-plus-34'
import type { Construct } from 'constructs'
import { restrictedContainer } from '../cdk8s/constructs/restricted.ts'
import { workload } from '../cdk8s/constructs/workload.ts'
import type { Environment } from '../cdk8s/environments.ts'
import { collector, collectorPorts } from '../mesh/egress.ts'
import { collectorConfiguration, healthPort } from '../observability/collector.ts'

/** The collector, to which every workload sends its traces, metrics and logs. */
export class TelemetryChart extends Chart {
  constructor(scope: Construct, id: string, { telemetry: { image, replicas } }: Environment) {
    super(scope, id, { namespace: collector.namespace, disableResourceNameHashes: true })
    const configuration = Yaml.stringify(collectorConfiguration)
    new k8s.KubeConfigMap(this, 'configuration', {
      metadata: { name: collector.name },
      data: { [configFile]: configuration },
    })
    workload(this, collector.name, servicePorts, {
      replicas,
      configuration,
      container: containerOf(image),
      volumes: [{ name: 'config', configMap: { name: collector.name } }],
    })
  }
}

const configFolder = '/etc/staffmesh/collector'
const configFile = 'collector.yaml'

const servicePorts = [
  { name: 'http-otlp', port: collectorPorts.http, appProtocol: 'http' },
  { name: 'grpc-otlp', port: collectorPorts.grpc, appProtocol: 'grpc' },
]

/** MiB. Its memory limiter refuses before this is reached; Go's collector works harder before that. */
const memory = 256

/** The image's entrypoint is the collector, by whatever name. */
const containerOf = (image: string): k8s.Container => ({
  ...restrictedContainer,
  name: 'collector',
  image,
  args: [`--config=${configFolder}/${configFile}`],
  env: [{ name: 'GOMEMLIMIT', value: `${Math.floor(memory * 0.8)}MiB` }],
  ports: [
    ...servicePorts.map(({ name, port }) => ({ name, containerPort: port })),
    { name: 'http-health', containerPort: healthPort },
  ],
  resources: {
    requests: { cpu: k8s.Quantity.fromString('50m'), memory: k8s.Quantity.fromString('64Mi') },
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
