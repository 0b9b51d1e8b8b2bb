import type { Tls } from '../mesh/edge/certificate.ts'
import type { KongValues } from '../mesh/edge/kong-values.ts'
import type { DatabaseOptions } from '../mesh/instances.ts'
import type { MonitoringOptions, OutsidePrometheus } from '../mesh/monitoring.ts'
import type { OutsideAddresses } from '../mesh/outside.ts'
import type { CanaryTraffic, Version } from '../mesh/versions.ts'
import type { Sampling } from '../observability/collector.ts'
import type { Renewals } from '../observability/rules/keys.ts'

/** Where a service's database is, as a connection needs it: outside, or one of two kinds inside. */
export interface DatabaseInstance {
  /** Run by somebody else, reached with TLS verify-full. */
  outside?: { host: string; port: number; caSecret: string }
  /** Inside, run by CloudNativePG. */
  cluster?: PostgresCluster
  /** The server's own bound, against which the pools of all replicas are summed. */
  maxConnections: number
  /** Inside, a single server made by us: its persistent volume, e.g. 10Gi. */
  storage?: string
  /** Its image, with initdb, postgres and pg_ctl on its PATH and the account 999. */
  image?: string
}

/** A primary and its standbys, run by the CloudNativePG operator, with backups by its Barman Cloud plugin. */
export interface PostgresCluster {
  /** Servers in all; from three on each commit is on two of them. */
  replicas: number
  /** Persistent volume of each, e.g. 100Gi. */
  storage: string
  /** One of CloudNativePG's images, or one made like them. */
  image: string
  /** Secret with the authority of its certificates; docs/deploy.md says which keys it has where. */
  caSecret: string
  backup: {
    /** Where base backups and WAL go, e.g. s3://staffmesh-backups/production. */
    destination: string
    /** Of an object store other than Amazon's, e.g. https://s3.internal:9000. */
    endpoint?: string
    /** Secret with the keys ACCESS_KEY_ID and ACCESS_SECRET_KEY. */
    credentials: string
    /** Of base backups, with seconds first, e.g. `0 0 3 * * *`; WAL is archived all the time. */
    schedule: string
    /** How far back one can go, e.g. 30d. */
    retention: string
  }
}

/** A second version of one service; it has its own tag or digest, and so many replicas, 1 unless told. */
export type Canary = CanaryTraffic & { replicas?: number } & ({ tag: string } | { digest: string })

/** The rate limit service, and the store that it counts in. */
export interface LimitService {
  /** An image with `ratelimit` on its PATH. */
  image: string
  replicas: number
  /** Inside, an image with `redis-server` on its PATH; outside, reached with TLS and a password. */
  store: { image: string } | { outside: { host: string; port: number; caSecret: string } }
}

/** The OpenTelemetry Collector, what keeps the traces that it hands on, and who fetches its numbers. */
export interface Telemetry {
  /** An image whose entrypoint is the collector, with the parts that observability/collector.ts uses. */
  image: string
  sampling: Sampling
  /** Jaeger in the cluster, in memory, or a backend that takes traces and logs by OTLP over https. */
  traces: { image: string } | { outside: { host: string; port: number; tokenSecret: string } }
  /** A Prometheus of our own, that keeps a day; or one of the Prometheus Operator, with a sidecar. */
  metrics: { image: string } | { operator: OutsidePrometheus }
}

export interface Environment {
  name: string
  /** Public host name of the edge. */
  domain: string
  /** Public URL where it isn't `https://<domain>`: the local clusters have a port and no certificate. */
  publicUrl?: string
  /** `<registry>/<service>:<tag>`; digests, where given, win over the tag. */
  images: { registry: string; tag: string; digests?: Readonly<Record<string, string>> }
  /** Services run their sources, which `tilt up` keeps as they are here; see docs/develop.md. */
  development?: boolean
  /** A version that is being tried beside the one of `images`; see docs/deploy.md. */
  canary?: Canary
  /** Bounds what a service declares: a laptop runs one replica of each. */
  maxReplicas?: number
  instances: Readonly<Record<string, DatabaseInstance>>
  /** Instance per service; `main` unless told. */
  instanceOf?: Readonly<Record<string, string>>
  limits: LimitService
  telemetry: Telemetry
  /** There is a Grafana whose sidecar reads dashboards from ConfigMaps of all namespaces. */
  dashboards?: true
  /** Where the hosts are that services declare as `outside`. */
  outside?: OutsideAddresses
  edge: 'kong' | 'stand-in'
  /** How many Kongs, and how clients reach them. */
  kong?: KongValues
  /** The certificate of the edge, where its public URL is https. */
  tls?: Tls
  /** Other origins whose pages may call, e.g. https://hr.example.com. */
  corsOrigins?: readonly string[]
  /** When the signing keys are rotated, as a line of cron in UTC; left out, only by hand. */
  keyRotation?: string
}

const local = {
  images: { registry: 'localhost:5001/staffmesh', tag: 'dev' },
  maxReplicas: 1,
}

/** Of the commit that this project is tested with. */
const ratelimitImage = 'docker.io/envoyproxy/ratelimit:3fb70258'

const collectorImage = 'docker.io/otel/opentelemetry-collector-contrib:0.159.0'

/** One can look at each request soon after it. */
const everything: Sampling = { share: 100, slow: 1000, wait: 2 }

/** The values of each environment, in one place. Secrets are named in docs/deploy.md and never stand here. */
export const environments: Readonly<Record<string, Environment>> = {
  kind: {
    ...local,
    name: 'kind',
    instances: {
      main: { maxConnections: 300, storage: '2Gi', image: 'docker.io/library/postgres:18.4' },
    },
    limits: {
      image: ratelimitImage,
      replicas: 1,
      store: { image: 'docker.io/valkey/valkey:8.1.10' },
    },
    telemetry: {
      image: collectorImage,
      sampling: everything,
      traces: { image: 'docker.io/jaegertracing/all-in-one:1.76.0' },
      metrics: { image: 'docker.io/prom/prometheus:v3.5.0' },
    },
    dashboards: true,
    domain: 'staffmesh.localhost',
    publicUrl: 'http://staffmesh.localhost:8080',
    edge: 'kong',
    kong: { replicas: { min: 1, max: 1 }, nodePort: 30080 },
  },
  bare: {
    ...local,
    name: 'bare',
    instances: {
      main: { maxConnections: 300, storage: '2Gi', image: 'localhost:5001/staffmesh/postgres:18.4' },
    },
    limits: {
      image: 'localhost:5001/staffmesh/ratelimit:dev',
      replicas: 1,
      store: { image: 'localhost:5001/staffmesh/redis:7.0' },
    },
    telemetry: {
      image: 'localhost:5001/platform/otel-collector:dev',
      sampling: everything,
      traces: { image: 'localhost:5001/platform/jaeger:dev' },
      metrics: { image: 'localhost:5001/platform/prometheus:2.42' },
    },
    domain: 'staffmesh.test',
    publicUrl: 'http://staffmesh.test',
    edge: 'stand-in',
  },
  staging: {
    name: 'staging',
    domain: 'staging.staffmesh.example',
    images: { registry: 'registry.staffmesh.example/staffmesh', tag: 'main' },
    maxReplicas: 2,
    instances: {
      main: {
        outside: { host: 'postgres.staging.internal', port: 5432, caSecret: 'database-ca' },
        maxConnections: 400,
      },
    },
    limits: {
      image: ratelimitImage,
      replicas: 2,
      store: { outside: { host: 'redis.staging.internal', port: 6379, caSecret: 'ratelimit-store-ca' } },
    },
    telemetry: {
      image: collectorImage,
      sampling: { share: 25, slow: 1000, wait: 10 },
      traces: { outside: { host: 'otlp.staging.internal', port: 443, tokenSecret: 'traces-token' } },
      metrics: { operator: { namespace: 'monitoring', serviceAccount: 'prometheus-k8s' } },
    },
    dashboards: true,
    edge: 'kong',
    kong: { replicas: { min: 2, max: 4 } },
    tls: { clusterIssuer: 'letsencrypt' },
    corsOrigins: ['https://staging-hr.staffmesh.example'],
    keyRotation: '0 9 12 * *',
  },
  production: {
    name: 'production',
    domain: 'api.staffmesh.example',
    images: { registry: 'registry.staffmesh.example/staffmesh', tag: 'v0.1.0' },
    instances: {
      main: {
        outside: { host: 'postgres.internal', port: 5432, caSecret: 'database-ca' },
        maxConnections: 500,
      },
      directory: {
        outside: { host: 'postgres-directory.internal', port: 5432, caSecret: 'database-ca' },
        maxConnections: 500,
      },
    },
    instanceOf: { directory: 'directory' },
    limits: {
      image: ratelimitImage,
      replicas: 3,
      store: { outside: { host: 'redis.internal', port: 6379, caSecret: 'ratelimit-store-ca' } },
    },
    telemetry: {
      image: collectorImage,
      sampling: { share: 5, slow: 1000, wait: 10 },
      traces: { outside: { host: 'otlp.internal', port: 443, tokenSecret: 'traces-token' } },
      metrics: { operator: { namespace: 'monitoring', serviceAccount: 'prometheus-k8s' } },
    },
    dashboards: true,
    edge: 'kong',
    kong: { replicas: { min: 3, max: 12 } },
    tls: { clusterIssuer: 'letsencrypt' },
    corsOrigins: ['https://hr.staffmesh.example'],
    // Each quarter, at an hour when somebody is there.
    keyRotation: '0 9 12 1,4,7,10 *',
  },
}

export function environmentOf(name: string | undefined): Environment {
  const found = name === undefined ? undefined : environments[name]
  if (!found)
    throw new Error(
      `${name === undefined ? 'No environment was named' : `There is no environment ${name}`}: use --env ${Object.keys(environments).join('|')}`,
    )
  for (const [service, instance] of Object.entries(found.instanceOf ?? {}))
    if (!(instance in found.instances))
      throw new Error(
        `${found.name}: the database of ${service} is to be on ${instance}; add it to instances`,
      )
  return found
}

export const publicUrlOf = (environment: Environment) =>
  environment.publicUrl ?? `https://${environment.domain}`

/** The image of a service; where there is no canary, the canary's is the stable one. */
export function imageOf(environment: Environment, service: string, version: Version = 'stable'): string {
  const { registry, tag, digests } = environment.images
  const canary = version === 'canary' ? canaryOf(environment, service) : undefined
  const image: { tag?: string; digest?: string | undefined } = canary ?? { tag, digest: digests?.[service] }
  return `${registry}/${service}${image.digest ? `@${image.digest}` : `:${image.tag}`}`
}

/** What runs of a service, as telemetry tells it: its image without the registry. */
export const versionOf = (environment: Environment, service: string, version: Version = 'stable') =>
  imageOf(environment, service, version).slice(environment.images.registry.length + 1)

/** The canary of that service, if it has one. */
export const canaryOf = ({ canary }: Environment, service: string) =>
  canary?.service === service ? canary : undefined

export const instanceOf = (environment: Environment, service: string) =>
  environment.instanceOf?.[service] ?? 'main'

/** What the mesh must know of instances. */
export const databasesOf = (environment: Environment): DatabaseOptions => ({
  instanceOf: (service) => instanceOf(environment, service),
  outside: Object.fromEntries(
    Object.entries(environment.instances).flatMap(([name, { outside }]) =>
      outside ? [[name, { host: outside.host, port: outside.port }]] : [],
    ),
  ),
  clusters: Object.fromEntries(
    Object.entries(environment.instances).flatMap(([name, { cluster }]) =>
      cluster ? [[name, { backupPort: portOf(cluster.backup.endpoint) }]] : [],
    ),
  ),
})

/** What the mesh must know of who keeps traces and numbers. */
export const monitoringOf = ({ telemetry: { traces, metrics } }: Environment): MonitoringOptions => ({
  outsideTraces: 'outside' in traces ? { host: traces.outside.host, port: traces.outside.port } : undefined,
  outsidePrometheus: 'operator' in metrics ? metrics.operator : undefined,
})

/** Which keys are changed by the clock, so that somebody hears of it where they are not. */
export const renewalsOf = ({ keyRotation, tls }: Environment): Renewals => ({
  signingKeys: keyRotation !== undefined,
  edgeCertificate: tls !== undefined && 'clusterIssuer' in tls,
})

const portOf = (endpoint: string | undefined) => Number(endpoint && new URL(endpoint).port) || 443
