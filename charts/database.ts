import { Chart } from 'cdk8s'
import { k8s } from 'cdk8s-plus-34'
import type { Construct } from 'constructs'
import { job } from '../cdk8s/constructs/job.ts'
import { labelsOf } from '../cdk8s/constructs/labels.ts'
import { restrictedContainer, restrictedPod } from '../cdk8s/constructs/restricted.ts'
import { type DatabaseInstance, type Environment, imageOf } from '../cdk8s/environments.ts'
import { provisioning, provisioningAccount } from '../mesh/databases.ts'
import { postgresPort } from '../mesh/network.ts'
import { namespaces } from '../mesh/resource.ts'
import { authorityFiles, connectionsOf, superuserConnection, superuserSecret } from './connections.ts'
import { discreetLog, postgresCluster } from './postgres-cluster.ts'

export interface DatabaseChartProps {
  instance: string
  /** The services whose databases it keeps. */
  services: readonly string[]
  environment: Environment
}

/** The account `postgres` of the image: initdb looks up the name of who runs it. */
const postgresUser = 999

/** One PostgreSQL inside the cluster, of either kind, and the jobs that make databases and roles in it. */
export class DatabaseChart extends Chart {
  constructor(scope: Construct, id: string, { instance, services, environment }: DatabaseChartProps) {
    super(scope, id, { namespace: namespaces.databases, disableResourceNameHashes: true })
    if (environment.instances[instance]!.cluster) postgresCluster(this, instance, environment)
    else singleServer(this, instance, environment)
    for (const service of services) provisionJob(this, instance, service, environment)
  }
}

function singleServer(chart: Chart, instance: string, environment: Environment): void {
  new k8s.KubeServiceAccount(chart, 'account', {
    metadata: { name: instance },
    automountServiceAccountToken: false,
  })
  new k8s.KubeService(chart, 'service', {
    metadata: { name: instance, labels: labelsOf(instance, 'database') },
    spec: {
      clusterIp: 'None',
      selector: { 'app.kubernetes.io/part-of': instance },
      ports: [{ name: 'tcp-postgres', port: postgresPort, appProtocol: 'tcp' }],
    },
  })
  statefulSet(chart, instance, environment)
}

/**
 * Made aside and renamed, so that an interrupted initdb leaves nothing that looks like a cluster. Connections come from
 * the proxy beside it, so every address needs a password.
 */
const start = `
if ! test -d "$PGDATA"; then
  rm -rf "$PGDATA.new"
  initdb --pgdata="$PGDATA.new" --username=postgres --pwfile=/etc/staffmesh/superuser/password \\
    --auth=scram-sha-256 --encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=PG_UNICODE_FAST
  mv "$PGDATA.new" "$PGDATA"
fi
# When a volume is mounted anew, fsGroup may have opened it to the group, which PostgreSQL refuses.
chmod 0700 "$PGDATA"
echo 'host all all all scram-sha-256' > /tmp/pg_hba.conf
exec postgres "$@"
`.trimStart()

const dataFolder = '/var/lib/postgresql'

function settingsOf({ maxConnections }: DatabaseInstance): string[] {
  const settings = {
    hba_file: '/tmp/pg_hba.conf',
    listen_addresses: '*',
    max_connections: maxConnections,
    unix_socket_directories: '/tmp',
    ...discreetLog,
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

function statefulSet(chart: Chart, instance: string, environment: Environment): void {
  const values = environment.instances[instance]!
  if (!values.storage || !values.image)
    throw new Error(
      `${environment.name}: instance ${instance} is inside the cluster; give it storage and image, or cluster, or say where it is outside`,
    )
  const labels = labelsOf(instance, 'database')
  const ready = { exec: { command: ['sh', '-c', 'grep -q "^ready" "$PGDATA/postmaster.pid"'] } }
  new k8s.KubeStatefulSet(chart, 'instance', {
    metadata: { name: instance, labels },
    spec: {
      serviceName: instance,
      replicas: 1,
      selector: { matchLabels: { 'app.kubernetes.io/part-of': instance } },
      template: {
        metadata: { labels },
        spec: {
          ...restrictedPod,
          securityContext: {
            ...restrictedPod.securityContext,
            runAsUser: postgresUser,
            runAsGroup: postgresUser,
            fsGroup: postgresUser,
            // Once: later it would open the data to the group, which PostgreSQL refuses.
            fsGroupChangePolicy: 'OnRootMismatch',
          },
          serviceAccountName: instance,
          terminationGracePeriodSeconds: 60,
          containers: [
            {
              ...restrictedContainer,
              name: 'postgres',
              image: values.image,
              command: ['sh', '-ec', start, 'postgres'],
              args: settingsOf(values),
              env: [
                { name: 'PGDATA', value: `${dataFolder}/data` },
                { name: 'LC_ALL', value: 'C' },
              ],
              ports: [{ name: 'tcp-postgres', containerPort: postgresPort }],
              resources: {
                requests: { cpu: k8s.Quantity.fromString('100m'), memory: k8s.Quantity.fromString('256Mi') },
                limits: { memory: k8s.Quantity.fromString('1Gi') },
              },
              // A recovery after a crash takes as long as it takes, up to ten minutes.
              startupProbe: { ...ready, periodSeconds: 1, failureThreshold: 600 },
              readinessProbe: { ...ready, periodSeconds: 5 },
              livenessProbe: { ...ready, periodSeconds: 10, failureThreshold: 6 },
              // Fast: it ends sessions, where SIGTERM would wait for the pools to let go.
              lifecycle: { preStop: { exec: { command: ['pg_ctl', 'stop', '--mode=fast'] } } },
              volumeMounts: [
                { name: 'data', mountPath: dataFolder },
                { name: 'tmp', mountPath: '/tmp' },
                { name: 'superuser', mountPath: '/etc/staffmesh/superuser', readOnly: true },
              ],
            },
          ],
          volumes: [
            { name: 'tmp', emptyDir: { sizeLimit: k8s.Quantity.fromString('64Mi') } },
            { name: 'superuser', secret: { secretName: superuserSecret(instance), defaultMode: 0o440 } },
          ],
        },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: {
            accessModes: ['ReadWriteOnce'],
            resources: { requests: { storage: k8s.Quantity.fromString(values.storage) } },
          },
        },
      ],
    },
  })
}

/** Makes roles and database of one service; again for each release, which changes nothing where they are there. */
function provisionJob(chart: Chart, instance: string, service: string, environment: Environment): void {
  const name = provisioningAccount(service)
  const authority = authorityFiles(environment, service)
  new k8s.KubeServiceAccount(chart, name, { metadata: { name }, automountServiceAccountToken: false })
  job(chart, `${name}-job`, {
    name,
    labels: {
      'app.kubernetes.io/name': name,
      'app.kubernetes.io/part-of': provisioning,
      'app.kubernetes.io/component': provisioning,
    },
    pod: {
      ...restrictedPod,
      serviceAccountName: name,
      containers: [
        {
          ...restrictedContainer,
          name: provisioning,
          image: imageOf(environment, service),
          args: ['provision'],
          env: [
            ...superuserConnection(environment, instance),
            ...connectionsOf(environment, service, ['app', 'owner', 'worker']),
          ],
          resources: {
            requests: { cpu: k8s.Quantity.fromString('50m'), memory: k8s.Quantity.fromString('96Mi') },
            limits: { memory: k8s.Quantity.fromString('192Mi') },
          },
          volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }, ...authority.mounts],
        },
      ],
      volumes: [
        { name: 'tmp', emptyDir: { sizeLimit: k8s.Quantity.fromString('64Mi') } },
        ...authority.volumes,
      ],
    },
  })
}
