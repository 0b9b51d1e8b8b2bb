import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import type { Limits as Declared } from '#kit/service.ts'
import { freePorts } from '../../local/ports.ts'
import { services } from '../../services/index.ts'
import { manifestsOf } from '../app.ts'
import { environmentOf } from '../environments.ts'
import type { Programs } from './programs.ts'

/** The rate limit service, its store, and the proxies of two replicas of workforce, all with what is rendered. */
export interface Limits {
  /** URLs of the replicas. */
  replicas: readonly string[]
  /** What Prometheus would fetch of the rate limit service. */
  metrics: () => Promise<string>
  pauseStore: () => void
  resumeStore: () => void
  stop: () => Promise<void>
}

// Manifests are looked into without types.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Any = any

/** What was started ends where something after it does not start. */
export async function startLimits(programs: Programs, declared: Partial<Declared>): Promise<Limits> {
  const started = new AsyncDisposableStack()
  try {
    return await startInto(started, programs, declared)
  } catch (error) {
    await started.disposeAsync()
    throw error
  }
}

async function startInto(
  started: AsyncDisposableStack,
  programs: Programs,
  declared: Partial<Declared>,
): Promise<Limits> {
  const changed = services.map((service) =>
    service.name === 'workforce' ? { ...service, limits: { ...service.limits, ...declared } } : service,
  )
  const objects = [...(await manifestsOf(changed, environmentOf('bare'), '{"keys":[]}')).values()].flat()
  const find = (kind: string, name: string): Any =>
    objects.find((object) => object.kind === kind && object.metadata.name === name)
  const container = (name: string): Any => find('Deployment', name).spec.template.spec.containers[0]

  const folder = await mkdtemp(join(tmpdir(), 'staffmesh-limits-'))
  started.defer(() => rm(folder, { recursive: true }))
  const [store, grpc, health, debug, metrics, ...replicas] = (await freePorts(7)) as [
    number,
    number,
    number,
    number,
    number,
  ]
  const app = createServer((_request, response) => response.end())
  app.listen(0, '127.0.0.1')
  await once(app, 'listening')
  started.defer(() => void app.close())

  const start = (program: string, args: string[], env: Record<string, string> = {}) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    started.defer(async () => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    })
    return child
  }

  // The last of two ports counts.
  const redis = start(programs.redis, [...container('ratelimit-store').args, '--port', String(store)])
  await mountLimits(folder, find('ConfigMap', 'ratelimit').data)
  const [[mapping, mapped]] = Object.entries(find('ConfigMap', 'ratelimit-metrics').data) as [
    [string, string],
  ]
  await writeFile(join(folder, mapping), mapped)
  const settings = Object.fromEntries(container('ratelimit').env.map(({ name, value }: Any) => [name, value]))
  await vi.waitUntil(() => accepts(store), { timeout: 10_000 })
  start(programs.ratelimit, [], {
    ...settings,
    LOG_LEVEL: 'ERROR',
    PORT: String(health),
    GRPC_PORT: String(grpc),
    DEBUG_PORT: String(debug),
    REDIS_URL: `127.0.0.1:${store}`,
    RUNTIME_ROOT: folder,
    PROMETHEUS_ADDR: `127.0.0.1:${metrics}`,
    PROMETHEUS_MAPPER_YAML: join(folder, mapping),
  })
  const isHealthy = () =>
    fetch(`http://127.0.0.1:${health}/healthcheck`).then(
      ({ ok }) => ok,
      () => false,
    )
  await vi.waitUntil(isHealthy, { timeout: 10_000 })

  const patches = ['workforce-tenant-limits', 'workforce-global-limits', 'limit-problems'].flatMap(
    (name) => find('EnvoyFilter', name).spec.configPatches,
  )
  const { port } = app.address() as { port: number }
  const configuration = join(folder, 'envoy.json')
  await writeFile(configuration, JSON.stringify(proxyOf(patches, replicas, { app: port, grpc })))
  const options = ['--concurrency', '1', '--disable-hot-restart', '--log-level', 'error']
  start(programs.envoy, ['--config-path', configuration, ...options])
  for (const replica of replicas) await vi.waitUntil(() => accepts(replica), { timeout: 10_000 })

  return {
    replicas: replicas.map((replica) => `http://127.0.0.1:${replica}`),
    metrics: () => fetch(`http://127.0.0.1:${metrics}/metrics`).then((response) => response.text()),
    pauseStore: () => redis.kill('SIGSTOP'),
    resumeStore: () => redis.kill('SIGCONT'),
    stop: () => started.disposeAsync(),
  }
}

/** As the kubelet mounts a ConfigMap: links to a folder whose name begins with dots. */
async function mountLimits(root: string, data: Record<string, string>): Promise<void> {
  const folder = join(root, 'config')
  await mkdir(join(folder, '..data'), { recursive: true })
  for (const [file, text] of Object.entries(data)) {
    await writeFile(join(folder, '..data', file), text)
    await symlink(join('..data', file), join(folder, file))
  }
}

const accepts = (port: number) =>
  fetch(`http://127.0.0.1:${port}`).then(
    () => true,
    // It speaks something else than HTTP, but it is there.
    (error: Error & { cause?: { code?: string } }) => error.cause?.code !== 'ECONNREFUSED',
  )

const extensions = 'type.googleapis.com/envoy.extensions'

/** What istiod would make of the patches, as far as limits go: a listener a replica, filters, and istiod's cluster. */
function proxyOf(patches: Any[], replicas: readonly number[], ports: { app: number; grpc: number }): object {
  const filters = patches.filter(({ applyTo }) => applyTo === 'HTTP_FILTER').map(({ patch }) => patch.value)
  const { typed_config: merged } = patches.find(({ applyTo }) => applyTo === 'NETWORK_FILTER').patch.value
  const { cluster_name } = filters.at(-1).typed_config.rate_limit_service.grpc_service.envoy_grpc
  const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })
  const cluster = (name: string, port: number, more: object = {}) => ({
    name,
    type: 'STATIC',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
    ...more,
  })
  const http2 = {
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${extensions}.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  }
  const router = {
    name: 'envoy.filters.http.router',
    typed_config: { '@type': `${extensions}.filters.http.router.v3.Router` },
  }
  const manager = {
    ...merged,
    stat_prefix: 'inbound',
    use_remote_address: false,
    route_config: {
      virtual_hosts: [
        { name: 'inbound', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'app' } }] },
      ],
    },
    http_filters: [...filters, router],
  }
  return {
    // As in istiod's bootstrap.
    layered_runtime: {
      layers: [{ name: 'istio', static_layer: { 're2.max_program_size.error_level': '32768' } }],
    },
    static_resources: {
      listeners: replicas.map((port) => ({
        address: address(port),
        filter_chains: [
          {
            filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }],
          },
        ],
      })),
      clusters: [cluster('app', ports.app), cluster(cluster_name, ports.grpc, http2)],
    },
  }
}
