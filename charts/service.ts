import { Chart } from 'cdk8s'
import { k8s } from 'cdk8s-plus-34'
import type { Construct } from 'constructs'
import type { Service } from '#kit/service.ts'
import { job } from '../cdk8s/constructs/job.ts'
import { labelsOf } from '../cdk8s/constructs/labels.ts'
import { restrictedContainer, restrictedPod } from '../cdk8s/constructs/restricted.ts'
import { rollingUpdate } from '../cdk8s/constructs/rolling-update.ts'
import { spread } from '../cdk8s/constructs/spread.ts'
import { telemetryVariables } from '../cdk8s/constructs/telemetry.ts'
import { canaryOf, type Environment, imageOf, publicUrlOf, versionOf } from '../cdk8s/environments.ts'
import { migrationAccount } from '../mesh/databases.ts'
import { outsideVariables } from '../mesh/outside.ts'
import { namespaces, serversOf, servicePort } from '../mesh/resource.ts'
import { type Version, versionLabel } from '../mesh/versions.ts'
import { authorityFiles, connectionsOf } from './connections.ts'

export interface ServiceChartProps {
  service: Service
  environment: Environment
  /** What the migrations of this release bring the database to, `kit.service`; from services/kit/schema-version.ts. */
  schema?: string
  /** What the edge must know of the Service. */
  annotations?: Record<string, string>
}

/** Seconds: the pause in which proxies stop sending, and the longest a drain may take (services/kit/config.ts). */
const drain = { pause: 5, grace: 25 }

/**
 * The proxy is a native sidecar: it is ready before the service starts, and ends after it. As soon as the pod is to go, it
 * asks callers to close their connections (the preStop hook that Istio gives it) and still takes new ones for as long as
 * this says, so that must be no less than the pod has. Once the service has ended the proxy exits at once; it waits for
 * nothing, so neither `terminationDrainDuration` nor EXIT_ON_ZERO_ACTIVE_CONNECTIONS has a part in this.
 */
const proxyDrain = { 'proxy.istio.io/config': `drainDuration: ${drain.pause + drain.grace}s\n` }

/** Everything that runs for one service: server, worker, migration, and what scales, guards and names them. */
export class ServiceChart extends Chart {
  constructor(scope: Construct, id: string, props: ServiceChartProps) {
    super(scope, id, { namespace: namespaces.services, disableResourceNameHashes: true })
    const { service, environment } = props
    const { name } = service
    new k8s.KubeServiceAccount(this, 'account', { metadata: { name }, automountServiceAccountToken: false })
    new k8s.KubeService(this, 'service', {
      metadata: { name, labels: labelsOf(name), annotations: props.annotations ?? {} },
      spec: {
        selector: serversOf(name),
        ports: [
          {
            name: 'http-api',
            port: 80,
            targetPort: k8s.IntOrString.fromString('http-api'),
            appProtocol: 'http',
          },
        ],
      },
    })
    deployment(this, props, 'server')
    if (canaryOf(environment, name)) deployment(this, props, 'server', 'canary')
    autoscaler(this, service, environment)
    disruptionBudget(this, name)
    if (service.worker) deployment(this, props, 'worker')
    if (service.database) migration(this, props)
  }
}

/**
 * A canary is part of the service, so that policies, the Service and the disruption budget take it like any of its
 * servers; its name is its own, so that no selector of the stable version's Deployment, which is immutable, finds it.
 * It has no worker: jobs are done by the stable version alone.
 */
function deployment(
  chart: Chart,
  props: ServiceChartProps,
  component: 'server' | 'worker',
  version: Version = 'stable',
): void {
  const { service, environment } = props
  const labels = { ...labelsOf(service.name, component), [versionLabel]: version }
  if (version === 'canary') labels['app.kubernetes.io/name'] += '-canary'
  const name = labels['app.kubernetes.io/name']
  const replicas = {
    // The autoscaler's to set; a number here would undo its work at every apply.
    stable: component === 'worker' ? 1 : undefined,
    canary: environment.canary?.replicas ?? 1,
  }[version]
  new k8s.KubeDeployment(chart, name, {
    metadata: { name, labels },
    spec: {
      ...(replicas ? { replicas } : {}),
      selector: { matchLabels: { 'app.kubernetes.io/name': name } },
      strategy: rollingUpdate,
      template: {
        metadata: { labels, annotations: proxyDrain },
        spec: {
          ...restrictedPod,
          serviceAccountName: service.name,
          terminationGracePeriodSeconds: drain.pause + drain.grace,
          topologySpreadConstraints: spread(name),
          containers: [
            {
              ...restrictedContainer,
              name: 'service',
              image: imageOf(environment, service.name, version),
              ...(component === 'worker' ? { args: ['worker'] } : {}),
              ports: [{ name: 'http-api', containerPort: servicePort }],
              env: [
                ...environmentVariables(props, component),
                ...telemetryVariables({
                  namespace: namespaces.services,
                  deployment: name,
                  container: 'service',
                  version: versionOf(environment, service.name, version),
                }),
              ],
              resources: {
                requests: { cpu: k8s.Quantity.fromString('50m'), memory: k8s.Quantity.fromString('128Mi') },
                limits: { memory: k8s.Quantity.fromString('256Mi') },
              },
              startupProbe: { ...probe('/startupz'), periodSeconds: 1, failureThreshold: 300 },
              readinessProbe: { ...probe('/readyz'), periodSeconds: 2, failureThreshold: 1 },
              livenessProbe: { ...probe('/livez'), periodSeconds: 10, failureThreshold: 3 },
              volumeMounts: mounts(props, component),
            },
          ],
          volumes: volumes(props, component),
        },
      },
    },
  })
}

const probe = (path: string) => ({
  httpGet: { path, port: k8s.IntOrString.fromString('http-api') },
  timeoutSeconds: 2,
})

function environmentVariables(
  { service, environment }: ServiceChartProps,
  mode: 'server' | 'worker',
): k8s.EnvVar[] {
  return [
    { name: 'PORT', value: String(servicePort) },
    { name: 'IDENTITY_HEADERS', value: 'mesh' },
    { name: 'PUBLIC_URL', value: publicUrlOf(environment) },
    { name: 'DRAIN_PAUSE_MS', value: String(drain.pause * 1000) },
    { name: 'SHUTDOWN_GRACE_MS', value: String(drain.grace * 1000) },
    ...(service.database
      ? connectionsOf(environment, service.name, mode === 'worker' ? ['app', 'worker'] : ['app'])
      : []),
    ...outsideVariables(service, environment.outside ?? {}),
    ...(mode === 'server'
      ? Object.entries(service.secrets).map(([key, { file }]) => ({
          name: file,
          value: `${filesFolder}/${key}`,
        }))
      : []),
  ]
}

/** The Secret with the files that a service declares; its keys are their names. */
export const filesSecret = (service: string) => `${service}-files`
const filesFolder = '/etc/staffmesh/files'

/** A writable /tmp beside the read-only root, and for the server the files of its Secret. */
const tmpMount: k8s.VolumeMount = { name: 'tmp', mountPath: '/tmp' }
const tmpVolume: k8s.Volume = {
  name: 'tmp',
  emptyDir: { sizeLimit: k8s.Quantity.fromString('64Mi') },
}

const readsFiles = ({ secrets }: Service, component: 'server' | 'worker') =>
  component === 'server' && Object.keys(secrets).length > 0

const mounts = (
  { service, environment }: ServiceChartProps,
  component: 'server' | 'worker',
): k8s.VolumeMount[] => [
  tmpMount,
  ...(service.database ? authorityFiles(environment, service.name).mounts : []),
  ...(readsFiles(service, component) ? [{ name: 'files', mountPath: filesFolder, readOnly: true }] : []),
]
/** Names the keys, so that a Secret which lacks one stops the rollout with its name instead of the process. */
const volumes = (
  { service, environment }: ServiceChartProps,
  component: 'server' | 'worker',
): k8s.Volume[] => [
  tmpVolume,
  ...(service.database ? authorityFiles(environment, service.name).volumes : []),
  ...(readsFiles(service, component)
    ? [
        {
          name: 'files',
          secret: {
            secretName: filesSecret(service.name),
            defaultMode: 0o440,
            items: Object.keys(service.secrets).map((key) => ({ key, path: key })),
          },
        },
      ]
    : []),
]

function autoscaler(chart: Chart, { name, scaling }: Service, environment: Environment): void {
  const bound = environment.maxReplicas ?? Number.POSITIVE_INFINITY
  new k8s.KubeHorizontalPodAutoscalerV2(chart, 'autoscaler', {
    metadata: { name },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: Math.min(scaling.min, bound),
      maxReplicas: Math.min(scaling.max, bound),
      metrics: [
        {
          // The service's own container: a busy sidecar is no reason for another replica of the service.
          type: 'ContainerResource',
          containerResource: {
            name: 'cpu',
            container: 'service',
            target: { type: 'Utilization', averageUtilization: scaling.cpu },
          },
        },
      ],
    },
  })
}

function disruptionBudget(chart: Chart, name: string): void {
  new k8s.KubePodDisruptionBudget(chart, 'disruption-budget', {
    metadata: { name },
    spec: {
      maxUnavailable: k8s.IntOrString.fromNumber(1),
      selector: { matchLabels: serversOf(name) },
    },
  })
}

/**
 * Its name says what it migrates to; pods wait for that schema (readiness), so the order does not matter. A canary
 * brings its schema along, which the stable version can live with: migrations expand first.
 */
function migration(chart: Chart, props: ServiceChartProps): void {
  const { service, environment, schema } = props
  if (!schema)
    throw new Error(`${service.name}: give the schema version that its migrations bring the database to`)
  const labels = labelsOf(service.name, 'migration')
  const account = migrationAccount(service.name)
  const authority = authorityFiles(environment, service.name)
  new k8s.KubeServiceAccount(chart, 'migration-account', {
    metadata: { name: account },
    automountServiceAccountToken: false,
  })
  job(chart, 'migration', {
    name: `${account}-${schema.replaceAll('.', '-')}`,
    labels,
    pod: {
      ...restrictedPod,
      serviceAccountName: account,
      containers: [
        {
          ...restrictedContainer,
          name: 'migration',
          image: imageOf(environment, service.name, 'canary'),
          args: ['migrate'],
          env: connectionsOf(environment, service.name, service.worker ? ['owner', 'worker'] : ['owner']),
          resources: {
            requests: { cpu: k8s.Quantity.fromString('50m'), memory: k8s.Quantity.fromString('96Mi') },
            limits: { memory: k8s.Quantity.fromString('192Mi') },
          },
          volumeMounts: [tmpMount, ...authority.mounts],
        },
      ],
      volumes: [tmpVolume, ...authority.volumes],
    },
  })
}
