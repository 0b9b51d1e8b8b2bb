import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { bundle, bundles } from '../../bundle/bundle.ts'
import { environmentOf, imageOf } from '../../cdk8s/environments.ts'
import { postgresBinaries, serverUser } from '../../local/postgres-binaries.ts'
import type { Binaries } from '../binaries/build.ts'
import { envoyBinary } from '../binaries/envoy.ts'
import { prometheusPrograms } from '../binaries/prometheus.ts'
import { cacheFolder } from '../cache.ts'
import { run } from '../shell.ts'
import { versions } from '../versions.ts'
import { accounts, debianRoot, slimRoot } from './rootfs.ts'

/** One layer, on top of another image's or of nothing. */
export interface Image {
  base?: Image
  /** Path in the image → file or folder on this machine, which is found or made when it is asked for. */
  files: () => Promise<Readonly<Record<string, string>>>
  /** Further instructions of a Containerfile. */
  settings?: readonly string[]
  /** As manifests name it; without one it is but a base. */
  reference?: string
}

const bare = environmentOf('bare')
const [hub] = bare.images.registry.split('/') as [string]

const debian: Image = { files: async () => ({ '/': await debianRoot() }) }
const slim: Image = { files: async () => ({ '/': await slimRoot() }) }

/** The Node that the project pins: that of the platform's npm package. */
const node: Image = {
  base: slim,
  files: async () => ({
    '/usr/local/bin/node': createRequire(import.meta.url).resolve(`node-linux-${process.arch}/bin/node`),
  }),
  settings: ['ENV NODE_ENV=production NODE_OPTIONS=--enable-source-maps'],
}

function service(name: string): Image {
  return {
    reference: imageOf(bare, name),
    base: node,
    files: async () => {
      const folder = join(cacheFolder(), 'images', 'bundles', name)
      await bundle(name, folder)
      return { '/app': folder }
    },
    settings: [
      'WORKDIR /app',
      `USER ${accounts.nonroot}:${accounts.nonroot}`,
      'ENTRYPOINT ["node", "main.js"]',
    ],
  }
}

const postgres: Image = {
  reference: bare.instances.main!.image!,
  base: debian,
  files: async () => {
    const { postgres } = await postgresBinaries(serverUser())
    return { '/opt/postgresql': dirname(dirname(postgres)) }
  },
  settings: ['ENV PATH=/opt/postgresql/bin:/usr/bin:/bin', `USER ${accounts.postgres}:${accounts.postgres}`],
}

const redis: Image = {
  reference: `${hub}/staffmesh/redis:7.0`,
  base: debian,
  files: async () => ({}),
  settings: [`USER ${accounts.nonroot}:${accounts.nonroot}`, 'WORKDIR /tmp', 'ENTRYPOINT ["redis-server"]'],
}

const prometheus: Image = {
  reference: `${hub}/platform/prometheus:2.42`,
  base: slim,
  files: async () => ({ '/usr/local/bin/prometheus': join(await prometheusPrograms(), 'prometheus') }),
  settings: [`USER ${accounts.nonroot}:${accounts.nonroot}`, 'ENTRYPOINT ["/usr/local/bin/prometheus"]'],
}

/** Templates of the proxies' configuration come with the sources that the agent is built from. */
async function istioSources(): Promise<string> {
  const cwd = new URL('../binaries/istio/', import.meta.url).pathname
  return (await run('go', ['list', '-m', '-f', '{{.Dir}}', 'istio.io/istio'], { cwd })).trim()
}

/** A program alone, or with other files. */
function program(
  reference: string,
  file: string,
  more: Partial<Image> & { also?: Image['files']; name?: string } = {},
): Image {
  const { also, settings = [], name = basename(file), ...image } = more
  const path = `/usr/local/bin/${name}`
  return {
    reference: `${hub}/${reference}`,
    base: slim,
    files: async () => ({ [path]: file, ...(await also?.()) }),
    settings: [...settings, `ENTRYPOINT ["${path}"]`],
    ...image,
  }
}

const asIstio = `USER ${accounts.istio}:${accounts.istio}`

/** All images by the names by which they are asked for. */
export function imagesOf(binaries: Binaries): Readonly<Record<string, Image>> {
  return {
    ...Object.fromEntries(bundles().map((name) => [name, service(name)])),
    postgres,
    redis,
    ratelimit: program('staffmesh/ratelimit:dev', join(binaries.ratelimit, 'service_cmd'), {
      name: 'ratelimit',
      settings: [`USER ${accounts.nonroot}:${accounts.nonroot}`],
    }),
    'otel-collector': program(
      'platform/otel-collector:dev',
      join(binaries['otel-collector'], 'otel-collector'),
    ),
    jaeger: program('platform/jaeger:dev', join(binaries.jaeger, 'all-in-one'), {
      name: 'jaeger',
      settings: [`USER ${accounts.nonroot}:${accounts.nonroot}`],
    }),
    prometheus,
    pause: program('platform/pause:dev', join(binaries.pause, 'pause')),
    coredns: program('platform/coredns:dev', join(binaries.coredns, 'coredns')),
    pilot: program(`istio/pilot:${versions.istio}`, join(binaries.istio, 'pilot-discovery'), {
      settings: [asIstio],
    }),
    proxyv2: program(`istio/proxyv2:${versions.istio}`, join(binaries.istio, 'pilot-agent'), {
      also: async () => ({
        '/usr/local/bin/envoy': await envoyBinary(),
        '/var/lib/istio/envoy/envoy_bootstrap_tmpl.json': join(
          await istioSources(),
          'tools/packaging/common/envoy_bootstrap.json',
        ),
      }),
      settings: ['WORKDIR /', asIstio],
    }),
    'install-cni': program(`istio/install-cni:${versions.istio}`, join(binaries.istio, 'install-cni'), {
      base: debian,
      also: async () => ({ '/opt/cni/bin/istio-cni': join(binaries.istio, 'istio-cni') }),
      settings: [
        'ENV PATH=/opt/cni/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'WORKDIR /opt/cni/bin',
      ],
    }),
  }
}
