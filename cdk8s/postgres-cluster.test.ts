import { Yaml } from 'cdk8s'
import { describe, expect, it } from 'vitest'
import type { ApiObject } from '../mesh/checks.ts'
import { graphOf } from '../mesh/graph.ts'
import { services } from '../services/index.ts'
import { manifestsOf } from './app.ts'
import { faultsIn } from './checks.ts'
import {
  type DatabaseInstance,
  type Environment,
  environmentOf,
  type PostgresCluster,
} from './environments.ts'
import { checkFields } from './field-check.ts'

const cluster: PostgresCluster = {
  replicas: 3,
  storage: '100Gi',
  image: 'ghcr.io/cloudnative-pg/postgresql:18.4',
  caSecret: 'database-ca',
  backup: {
    destination: 's3://staffmesh-backups/production',
    endpoint: 'https://s3.internal:9000',
    credentials: 'main-backup',
    schedule: '0 0 3 * * *',
    retention: '30d',
  },
}
const environmentWith = (main: DatabaseInstance): Environment => {
  const { instanceOf: _, ...production } = environmentOf('production')
  return { ...production, instances: { main } }
}
const objectsOf = async (main: DatabaseInstance = { maxConnections: 800, cluster }) =>
  structuredClone(
    [...(await manifestsOf(services, environmentWith(main), '{"keys":[]}')).values()].flat(),
  ) as ApiObject[]

// biome-ignore lint/suspicious/noExplicitAny: specs of all kinds
type Spec = any
const specOf = (objects: ApiObject[], kind: string, name: string): Spec =>
  objects.find((each) => each.kind === kind && each.metadata.name === name)?.spec

describe('an instance that CloudNativePG runs', () => {
  it('is a cluster with an object store and a schedule of backups', async () => {
    const objects = await objectsOf()
    const own = objects.filter(({ apiVersion }) => apiVersion.includes('cnpg.io'))
    expect(Yaml.stringify(...own)).toMatchInlineSnapshot(`
      "apiVersion: postgresql.cnpg.io/v1
      kind: Cluster
      metadata:
        name: main
        namespace: staffmesh-data
      spec:
        instances: 3
        imageName: ghcr.io/cloudnative-pg/postgresql:18.4
        inheritedMetadata:
          labels:
            app.kubernetes.io/part-of: main
            sidecar.istio.io/inject: "false"
        certificates:
          serverCASecret: database-ca
        enableSuperuserAccess: true
        superuserSecret:
          name: main-superuser
        bootstrap:
          initdb:
            encoding: UTF8
            localeProvider: builtin
            builtinLocale: PG_UNICODE_FAST
            locale: C
        postgresql:
          parameters:
            max_connections: "800"
            log_parameter_max_length_on_error: "0"
            log_min_error_statement: panic
          pg_hba:
            - hostnossl all all all reject
          synchronous:
            method: any
            number: 1
        storage:
          size: 100Gi
        resources:
          requests:
            cpu: 500m
            memory: 1Gi
          limits:
            memory: 2Gi
        plugins:
          - name: barman-cloud.cloudnative-pg.io
            isWALArchiver: true
            parameters:
              barmanObjectName: main
      ---
      apiVersion: barmancloud.cnpg.io/v1
      kind: ObjectStore
      metadata:
        name: main
        namespace: staffmesh-data
      spec:
        retentionPolicy: 30d
        configuration:
          destinationPath: s3://staffmesh-backups/production
          endpointURL: https://s3.internal:9000
          s3Credentials:
            accessKeyId:
              name: main-backup
              key: ACCESS_KEY_ID
            secretAccessKey:
              name: main-backup
              key: ACCESS_SECRET_KEY
          wal:
            compression: gzip
          data:
            compression: gzip
      ---
      apiVersion: postgresql.cnpg.io/v1
      kind: ScheduledBackup
      metadata:
        name: main
        namespace: staffmesh-data
      spec:
        cluster:
          name: main
        schedule: 0 0 3 * * *
        immediate: true
        backupOwnerReference: self
        method: plugin
        pluginConfiguration:
          name: barman-cloud.cloudnative-pg.io
      "
    `)
  })

  it('is reached by TLS that is sure of it, at its primary, by the jobs that make databases too', async () => {
    const urls = (await objectsOf()).flatMap(({ spec }) =>
      ((spec as Spec)?.template?.spec?.containers ?? []).flatMap(({ env }: Spec) =>
        (env as { value?: string }[]).flatMap(({ value }) => (value?.startsWith('postgres:') ? [value] : [])),
      ),
    )
    expect(urls.length).toBeGreaterThan(services.length)
    for (const url of urls)
      expect(url).toMatch(
        /@main-rw[.]staffmesh-data[.]svc[.]cluster[.]local:5432\/\w+[?]sslmode=verify-full&sslrootcert=[/]etc/,
      )
  })

  it('is a host that the proxies of its services know, and those of the jobs', async () => {
    const objects = await objectsOf()
    const knowing = objects
      .filter(
        ({ kind, spec }) => kind === 'Sidecar' && JSON.stringify(spec).includes('/main-rw.staffmesh-data.'),
      )
      .map(({ metadata }) => metadata.name)
    const keeping = services.filter(({ database }) => database).map(({ name }) => name)
    expect(knowing.sort()).toEqual([...keeping, 'default'].sort())
  })

  it('has only fields that the schemas know, and no fault', async () => {
    const objects = await objectsOf()
    expect(await checkFields(objects)).toEqual([])
    expect([...faultsIn(objects, graphOf(services))]).toEqual([])
    specOf(objects, 'ObjectStore', 'main').configuration.destination = 's3://'
    specOf(objects, 'Cluster', 'main').instance = 3
    expect(await checkFields(objects)).toEqual([
      expect.stringMatching(/^Cluster main: spec[.]instance: .* does not exist/),
      expect.stringMatching(/^ObjectStore main: spec[.]configuration[.]destination: .* does not exist/),
    ])
  })

  it('that is asked for without being sure of it is caught', async () => {
    const objects = await objectsOf()
    const { env } = specOf(objects, 'Deployment', 'directory').template.spec.containers[0]
    const url = env.find(({ name }: Spec) => name === 'DATABASE_URL')
    url.value = url.value.replace('verify-full', 'require')
    expect([...faultsIn(objects, graphOf(services)).keys()]).toEqual(['connections are safe'])
  })

  const backup = (changed: Partial<PostgresCluster['backup']>) => ({
    cluster: { ...cluster, backup: { ...cluster.backup, ...changed } },
  })
  it.each<[what: string, values: Partial<DatabaseInstance>, remedy: string]>([
    ['a volume beside it', { cluster, storage: '1Gi' }, 'leave storage out beside it'],
    ['no replicas', { cluster: { ...cluster, replicas: 0 } }, 'give replicas, 3 for'],
    ['no authority', { cluster: { ...cluster, caSecret: '' } }, 'name the Secret of its authority'],
    ['a bucket by name only', backup({ destination: 'backups' }), 'give backup.destination as s3://'],
    ['no keys of the store', backup({ credentials: '' }), "name the Secret with the object store's keys"],
    ['a schedule as cron has it', backup({ schedule: '0 3 * * *' }), 'six fields, seconds first'],
    ['a retention without a unit', backup({ retention: '30' }), 'in days, weeks or months'],
  ])('with %s is refused', async (_what, values, remedy) => {
    await expect(objectsOf({ maxConnections: 800, ...values })).rejects.toThrow(remedy)
  })
})
