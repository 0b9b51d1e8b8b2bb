import { Chart } from 'cdk8s'
import { k8s } from 'cdk8s-plus-34'
import type { Construct } from 'constructs'
import { restrictedContainer } from '../cdk8s/constructs/restricted.ts'
import { type Workload, workload } from '../cdk8s/constructs/workload.ts'
import type { Environment } from '../cdk8s/environments.ts'
import { limitConfiguration, limitMetricsPort, limitService } from '../mesh/global-limits.ts'
import type { Graph } from '../mesh/graph.ts'
import { limitStore } from '../mesh/limit-service.ts'
import { dnsNameOf, namespaces } from '../mesh/resource.ts'
import { limitMetrics } from '../observability/limits.ts'

export interface LimitsChartProps {
  graph: Graph
  environment: Environment
}

/** The rate limit service, told what is declared, and the store that it counts in unless that is outside. */
export class LimitsChart extends Chart {
  constructor(scope: Construct, id: string, { graph, environment }: LimitsChartProps) {
    super(scope, id, { namespace: namespaces.limits, disableResourceNameHashes: true })
    // JSON is YAML, which the service reads.
    const configuration = `${JSON.stringify(limitConfiguration(graph), null, 2)}\n`
    new k8s.KubeConfigMap(this, 'configuration', {
      metadata: { name: limitService.name },
      data: { [configFile]: configuration },
    })
    const metrics = `${JSON.stringify(limitMetrics, null, 2)}\n`
    new k8s.KubeConfigMap(this, 'metrics', {
      metadata: { name: metricsConfig },
      data: { [metricsFile]: metrics },
    })
    workload(this, limitService.name, servicePorts, {
      replicas: environment.limits.replicas,
      configuration: configuration + metrics,
      ...serviceContainer(environment),
    })
    if ('image' in environment.limits.store)
      workload(this, limitStore.name, storePorts, {
        // What is lost with it are the counts of a window.
        replicas: 1,
        ...storeContainer(environment.limits.store.image),
      })
  }
}

const configFolder = '/etc/staffmesh/limits/config'
const configFile = 'limits.yaml'
const metricsConfig = `${limitService.name}-metrics`
const metricsFolder = '/etc/staffmesh/limits-metrics'
const metricsFile = 'metrics.yaml'
const caFolder = '/etc/staffmesh/limits-ca'

const servicePorts = [
  { name: 'grpc-limits', port: limitService.port, appProtocol: 'grpc' },
  { name: 'http-metrics', port: limitMetricsPort, appProtocol: 'http' },
]
const storePorts = [{ name: 'tcp-redis', port: limitStore.port, appProtocol: 'tcp' }]

/** Port of the service's health, for probes only. */
const healthPort = 8080

/** The password of an outside store, key password. */
export const limitStoreSecret = 'ratelimit-store'

/** https://github.com/envoyproxy/ratelimit/blob/main/src/settings/settings.go */
function serviceContainer({
  limits: { image, store },
}: Environment): Pick<Workload, 'container' | 'volumes'> {
  const outside = 'outside' in store ? store.outside : undefined
  const { host, port } = outside ?? {
    host: dnsNameOf(limitStore.name, limitStore.namespace),
    port: limitStore.port,
  }
  const settings = {
    PORT: healthPort,
    GRPC_PORT: limitService.port,
    // Profiles and the configuration: for who is in the pod.
    DEBUG_HOST: '127.0.0.1',
    USE_STATSD: false,
    USE_PROMETHEUS: true,
    PROMETHEUS_ADDR: `:${limitMetricsPort}`,
    PROMETHEUS_MAPPER_YAML: `${metricsFolder}/${metricsFile}`,
    LOG_FORMAT: 'json',
    RUNTIME_ROOT: configFolder.slice(0, configFolder.lastIndexOf('/')),
    // A ConfigMap's files are links to a folder whose name begins with dots.
    RUNTIME_WATCH_ROOT: false,
    RUNTIME_IGNOREDOTFILES: true,
    REDIS_SOCKET_TYPE: 'tcp',
    REDIS_URL: `${host}:${port}`,
    // Longer than a proxy waits, shorter than a connection that is gone would hold up the pool.
    REDIS_TIMEOUT: '1s',
    // Who cannot count is not asked.
    REDIS_HEALTH_CHECK_ACTIVE_CONNECTION: true,
    ...(outside ? { REDIS_TLS: true, REDIS_TLS_CACERT: `${caFolder}/ca.crt` } : {}),
  }
  return {
    container: {
      ...restrictedContainer,
      name: limitService.name,
      image,
      command: ['ratelimit'],
      ports: [
        ...servicePorts.map(({ name, port }) => ({ name, containerPort: port })),
        { name: 'http-health', containerPort: healthPort },
      ],
      env: [
        ...Object.entries(settings).map(([name, value]) => ({ name, value: String(value) })),
        ...(outside
          ? [
              {
                name: 'REDIS_AUTH',
                valueFrom: { secretKeyRef: { name: limitStoreSecret, key: 'password' } },
              },
            ]
          : []),
      ],
      resources: {
        requests: { cpu: k8s.Quantity.fromString('50m'), memory: k8s.Quantity.fromString('32Mi') },
        // Some hundred bytes for each tenant that has asked since the start.
        limits: { memory: k8s.Quantity.fromString('256Mi') },
      },
      // It ends itself where it finds no store at its start, and is started again.
      startupProbe: { ...alive('grpc-limits'), periodSeconds: 1, failureThreshold: 60 },
      readinessProbe: {
        httpGet: { path: '/healthcheck', port: k8s.IntOrString.fromString('http-health') },
        timeoutSeconds: 2,
        periodSeconds: 2,
        failureThreshold: 1,
      },
      livenessProbe: { ...alive('grpc-limits'), periodSeconds: 10, failureThreshold: 3 },
      // It stops at once, so proxies learn of it first.
      lifecycle: { preStop: { sleep: { seconds: 5 } } },
      volumeMounts: [
        { name: 'config', mountPath: configFolder, readOnly: true },
        { name: 'metrics', mountPath: metricsFolder, readOnly: true },
        ...(outside ? [{ name: 'store-ca', mountPath: caFolder, readOnly: true }] : []),
      ],
    },
    volumes: [
      { name: 'config', configMap: { name: limitService.name } },
      { name: 'metrics', configMap: { name: metricsConfig } },
      ...(outside
        ? [
            {
              name: 'store-ca',
              secret: { secretName: outside.caSecret, items: [{ key: 'ca.crt', path: 'ca.crt' }] },
            },
          ]
        : []),
    ],
  }
}

/** Redis, or Valkey by that name. Nothing is written; who may connect is the matter of identities. */
const storeContainer = (image: string): Pick<Workload, 'container' | 'volumes'> => {
  const settings = {
    port: limitStore.port,
    // Connections come from the proxy beside it.
    'protected-mode': 'no',
    save: '',
    appendonly: 'no',
    maxmemory: '96mb',
    // Each count ends with its window: the oldest go first.
    'maxmemory-policy': 'volatile-ttl',
  }
  return {
    container: {
      ...restrictedContainer,
      name: 'store',
      image,
      command: ['redis-server'],
      args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
      ports: [{ name: 'tcp-redis', containerPort: limitStore.port }],
      resources: {
        requests: { cpu: k8s.Quantity.fromString('50m'), memory: k8s.Quantity.fromString('32Mi') },
        limits: { memory: k8s.Quantity.fromString('160Mi') },
      },
      startupProbe: { ...alive('tcp-redis'), periodSeconds: 1, failureThreshold: 60 },
      readinessProbe: { ...alive('tcp-redis'), periodSeconds: 2, failureThreshold: 1 },
      livenessProbe: { ...alive('tcp-redis'), periodSeconds: 10, failureThreshold: 3 },
    },
    volumes: [],
  }
}

const alive = (port: string) => ({
  tcpSocket: { port: k8s.IntOrString.fromString(port) },
  timeoutSeconds: 2,
})
