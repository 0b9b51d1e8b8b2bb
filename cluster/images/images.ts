import { basename, dirname, join } from 'node:path'
import { bundles } from '../../bundle/bundle.ts'
import { environmentOf } from '../../cdk8s/environments.ts'
import { postgresBinaries, serverUser } from '../../local/postgres-binaries.ts'
import type { Binaries } from '../binaries/build.ts'
import { envoyBinary } from '../binaries/envoy.ts'
import { prometheusPrograms } from '../binaries/prometheus.ts'
import { run } from '../shell.ts'
import { versions } from '../versions.ts'
import { type Image, layer } from './image.ts'
import { accounts, debianRoot, slimRoot } from './rootfs.ts'
import { development, production, runtime } from './stages.ts'

const bare = environmentOf('bare')
const [hub] = bare.images.registry.split('/') as [string]

export const debian = layer({ files: async () => ({ '/': await debianRoot() }) })
export const slim = layer({ files: async () => ({ '/': await slimRoot() }) })

const node = runtime(slim)

const postgres = layer({
  reference: bare.instances.main!.image!,
  base: debian,
  files: async () => {
    const { postgres } = await postgresBinaries(serverUser())
    return { '/opt/postgresql': dirname(dirname(postgres)) }
  },
  settings: ['ENV PATH=/opt/postgresql/bin:/usr/bin:/bin', `USER ${accounts.postgres}:${accounts.postgres}`],
})

const redis = layer({
  reference: `${hub}/staffmesh/redis:7.0`,
  base: debian,
  files: async () => ({}),
  settings: [`USER ${accounts.nonroot}:${accounts.nonroot}`, 'WORKDIR /tmp', 'ENTRYPOINT ["redis-server"]'],
})

const prometheus = layer({
  reference: `${hub}/platform/prometheus:2.42`,
  base: slim,
  files: async () => ({ '/usr/local/bin/prometheus': join(await prometheusPrograms(), 'prometheus') }),
  settings: [`USER ${accounts.nonroot}:${accounts.nonroot}`, 'ENTRYPOINT ["/usr/local/bin/prometheus"]'],
})

/** Templates of the proxies' configuration come with the sources that the agent is built from. */
async function istioSources(): Promise<string> {
  const cwd = new URL('../binaries/istio/', import.meta.url).pathname
  return (await run('go', ['list', '-m', '-f', '{{.Dir}}', 'istio.io/istio'], { cwd })).trim()
}

/** A program alone, or with other files. */
function program(
  reference: string,
  file: string,
  more: Partial<Parameters<typeof layer>[0]> & { also?: Image['files']; name?: string } = {},
): Image {
  const { also, settings = [], name = basename(file), ...image } = more
  const path = `/usr/local/bin/${name}`
  return layer({
    reference: `${hub}/${reference}`,
    base: slim,
    files: async () => ({ [path]: file, ...(await also?.()) }),
    settings: [...settings, `ENTRYPOINT ["${path}"]`],
    ...image,
  })
}

const asIstio = `USER ${accounts.istio}:${accounts.istio}`

/** Nothing of the cluster itself is made of it. */
export const developmentImage = development(debian)

/** All images by the names by which they are asked for. */
export function imagesOf(binaries: Binaries): Readonly<Record<string, Image>> {
  return {
    ...Object.fromEntries(bundles().map((name) => [name, production(name, node)])),
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
