import { ApiObject, type Chart, JsonPatch } from 'cdk8s'
import type { Environment, PostgresCluster } from '../cdk8s/environments.ts'
import { superuserSecret } from './connections.ts'

/** No statement with its values: they hold names and salaries. */
export const discreetLog = { log_parameter_max_length_on_error: 0, log_min_error_statement: 'panic' }

const plugin = 'barman-cloud.cloudnative-pg.io'

/**
 * A PostgreSQL cluster that CloudNativePG runs, its object store and its base backups. By the plugin, since 1.31 will
 * not know `spec.backup.barmanObjectStore` any more.
 * https://cloudnative-pg.io/plugin-barman-cloud/docs/usage/
 */
export function postgresCluster(chart: Chart, instance: string, environment: Environment): void {
  const { cluster, maxConnections, ...others } = environment.instances[instance]!
  if (!cluster) return
  const unmeant = Object.keys(others)
  if (unmeant.length > 0)
    throw new Error(
      `${environment.name}: instance ${instance} is a cluster; leave ${unmeant.join(' and ')} out beside it`,
    )
  refuseUnusable(`${environment.name}: cluster ${instance}`, cluster)
  const object = (apiVersion: string, kind: string, spec: object) =>
    new ApiObject(chart, kind, { apiVersion, kind, metadata: { name: instance } }).addJsonPatch(
      JsonPatch.add('/spec', spec),
    )
  object('postgresql.cnpg.io/v1', 'Cluster', specOf(instance, cluster, maxConnections))
  object('barmancloud.cnpg.io/v1', 'ObjectStore', storeOf(cluster))
  object('postgresql.cnpg.io/v1', 'ScheduledBackup', {
    cluster: { name: instance },
    schedule: cluster.backup.schedule,
    immediate: true,
    backupOwnerReference: 'self',
    method: 'plugin',
    pluginConfiguration: { name: plugin },
  })
}

const specOf = (
  instance: string,
  { replicas, storage, image, caSecret }: PostgresCluster,
  maxConnections: number,
) => ({
  instances: replicas,
  imageName: image,
  inheritedMetadata: {
    labels: {
      // By which policies know its pods, as those of any workload; why they are not in the mesh says mesh/databases.ts.
      'app.kubernetes.io/part-of': instance,
      'sidecar.istio.io/inject': 'false',
    },
  },
  certificates: { serverCASecret: caSecret },
  enableSuperuserAccess: true,
  superuserSecret: { name: superuserSecret(instance) },
  bootstrap: {
    // The services' databases are made by their own jobs.
    initdb: {
      encoding: 'UTF8',
      localeProvider: 'builtin',
      builtinLocale: 'PG_UNICODE_FAST',
      locale: 'C',
    },
  },
  postgresql: {
    parameters: Object.fromEntries(
      Object.entries({ max_connections: maxConnections, ...discreetLog }).map(([key, value]) => [
        key,
        String(value),
      ]),
    ),
    pg_hba: ['hostnossl all all all reject'],
    // With two it would stop writing while one is away.
    ...(replicas > 2 ? { synchronous: { method: 'any', number: 1 } } : {}),
  },
  storage: { size: storage },
  resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { memory: '2Gi' } },
  plugins: [{ name: plugin, isWALArchiver: true, parameters: { barmanObjectName: instance } }],
})

const storeOf = ({ backup: { destination, endpoint, credentials, retention } }: PostgresCluster) => ({
  retentionPolicy: retention,
  configuration: {
    destinationPath: destination,
    ...(endpoint ? { endpointURL: endpoint } : {}),
    s3Credentials: {
      accessKeyId: { name: credentials, key: 'ACCESS_KEY_ID' },
      secretAccessKey: { name: credentials, key: 'ACCESS_SECRET_KEY' },
    },
    wal: { compression: 'gzip' },
    data: { compression: 'gzip' },
  },
})

/** What the operator would refuse, or worse, take otherwise than it is meant. */
function refuseUnusable(where: string, { replicas, caSecret, backup }: PostgresCluster): void {
  const rules: [holds: boolean, remedy: string][] = [
    [Number.isInteger(replicas) && replicas > 0, 'give replicas, 3 for one that survives the loss of a node'],
    [caSecret !== '', 'name the Secret of its authority (caSecret)'],
    [/^s3:\/\/./.test(backup.destination), 'give backup.destination as s3://<bucket>/<path>'],
    [backup.credentials !== '', "name the Secret with the object store's keys (backup.credentials)"],
    [backup.schedule.split(' ').length === 6, 'give backup.schedule six fields, seconds first: 0 0 3 * * *'],
    [/^[1-9]\d*[dwm]$/.test(backup.retention), 'give backup.retention in days, weeks or months: 30d'],
  ]
  for (const [holds, remedy] of rules) if (!holds) throw new Error(`${where}: ${remedy}`)
}
