import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cached } from '../cached.ts'
import { registry } from '../node/addresses.ts'
import { run, step } from '../shell.ts'
import { versions } from '../versions.ts'

interface Program {
  /** A package of the module, or of one that it requires. */
  package: string
  tags?: string
}

interface Module {
  /** Left out where the module's own tool makes the program, by `builder.yaml`. */
  programs?: readonly Program[]
  /** What the linker writes into variables: full name → value. */
  stamps?: Readonly<Record<string, string>>
}

const [major, minor] = versions.kubernetes.slice(1).split('.')
const kubernetesStamps = Object.fromEntries(
  ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) => [
    [`${path}.gitVersion`, versions.kubernetes],
    [`${path}.gitMajor`, major!],
    [`${path}.gitMinor`, minor!],
  ]),
)

/** Tags with which Istio builds its own; the agent leaves out what only the control plane needs. */
const pilotTags = 'vtprotobuf,disable_pgv'
const agentTags = 'agent,disable_pgv,grpcnotrace,retrynotrace'

/** What is built from Go modules; versions stand in the go.mod of the folder of that name. */
const modules = {
  kubernetes: {
    programs: [
      'kube-apiserver',
      'kube-controller-manager',
      'kube-proxy',
      'kube-scheduler',
      'kubectl',
      'kubelet',
    ].map((name) => ({ package: `k8s.io/kubernetes/cmd/${name}` })),
    stamps: kubernetesStamps,
  },
  etcd: { programs: [{ package: 'go.etcd.io/etcd/server/v3' }] },
  istio: {
    programs: [
      { package: 'istio.io/istio/pilot/cmd/pilot-discovery', tags: pilotTags },
      { package: 'istio.io/istio/istioctl/cmd/istioctl', tags: pilotTags },
      { package: 'istio.io/istio/pilot/cmd/pilot-agent', tags: agentTags },
      { package: 'istio.io/istio/cni/cmd/istio-cni', tags: agentTags },
      { package: 'istio.io/istio/cni/cmd/install-cni', tags: agentTags },
    ],
    stamps: {
      'istio.io/istio/pkg/version.buildVersion': versions.istio,
      'istio.io/istio/pkg/version.buildTag': versions.istio,
      'istio.io/istio/pkg/version.buildHub': `${registry.onNode}/istio`,
    },
  },
  coredns: { programs: [{ package: '.' }] },
  ratelimit: { programs: [{ package: 'github.com/envoyproxy/ratelimit/src/service_cmd' }] },
  'otel-collector': {},
  jaeger: { programs: [{ package: 'github.com/jaegertracing/jaeger/cmd/all-in-one' }] },
  registry: { programs: [{ package: 'github.com/distribution/distribution/v3/cmd/registry' }] },
  pause: { programs: [{ package: '.' }] },
} satisfies Record<string, Module>

export type ModuleName = keyof typeof modules

/** Folders with the programs of each module, built where the cache does not have them. */
export type Binaries = Readonly<Record<ModuleName, string>>

export async function buildBinaries(): Promise<Binaries> {
  const built: Partial<Record<ModuleName, string>> = {}
  // One after the other: each build uses all cores by itself.
  for (const [name, module] of Object.entries(modules) as [ModuleName, Module][])
    built[name] = await build(name, module)
  return built as Binaries
}

const sources = (name: string) => fileURLToPath(new URL(`${name}/`, import.meta.url))

async function build(name: ModuleName, module: Module): Promise<string> {
  return cached(join('binaries', `${name}-${await keyOf(name, module)}`), (folder) =>
    step(`Build ${name}`, async () => {
      await mkdir(folder)
      await (module.programs ? compile(name, module, module.programs, folder) : compose(name, folder))
    }),
  )
}

const toolchain = { CGO_ENABLED: '0', GOTOOLCHAIN: 'local' }

async function compile(name: ModuleName, module: Module, programs: readonly Program[], into: string) {
  for (const [tags, packages] of Object.entries(Object.groupBy(programs, ({ tags = '' }) => tags)))
    await run(
      'go',
      [
        'build',
        '-trimpath',
        ...(tags ? ['-tags', tags] : []),
        '-ldflags',
        linkerFlags(module),
        '-o',
        `${into}/`,
        ...packages!.map((program) => program.package),
      ],
      { cwd: sources(name), env: toolchain },
    )
}

/**
 * Has the collector's own builder write and compile a main program of the parts that builder.yaml names. Their versions
 * are pinned there, what they require in turn is resolved by Go; the go.sum that comes of it is left beside the program.
 * https://opentelemetry.io/docs/collector/custom-collector/
 */
const compose = (name: ModuleName, into: string) =>
  run('go', ['tool', 'builder', '--config', 'builder.yaml'], {
    cwd: sources(name),
    // Read as a key of builder.yaml.
    env: { ...toolchain, 'dist.output_path': into },
  })

const linkerFlags = ({ stamps = {} }: Module) =>
  ['-s', '-w', ...Object.entries(stamps).map(([variable, value]) => `-X ${variable}=${value}`)].join(' ')

/** Changes with every source, version, tag and stamp that the result depends on. */
async function keyOf(name: ModuleName, module: Module): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(module))
  for (const file of (await readdir(sources(name))).sort())
    hash.update(file).update(await readFile(join(sources(name), file)))
  return hash.digest('hex').slice(0, 12)
}
