import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cached } from '../cached.ts'
import { registry } from '../node/addresses.ts'
import { run, step } from '../shell.ts'
import { requiredVersion, versions } from '../versions.ts'

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
  /** Has parts in C. */
  cgo?: true
  /** Files of ours that a module lacks: path in it → path in its folder here. */
  added?: { module: string; files: Readonly<Record<string, string>> }
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

/** No part of the cluster: built when somebody asks. */
const tools = {
  buildkit: { programs: [{ package: '.' }] },
  tilt: {
    programs: [{ package: 'github.com/tilt-dev/tilt/cmd/tilt' }],
    stamps: { 'main.version': requiredVersion('tilt', 'github.com/tilt-dev/tilt').slice(1) },
    cgo: true,
    // Its pages are not part of the module, and without one it refuses to start.
    added: {
      module: 'github.com/tilt-dev/tilt',
      files: { 'pkg/assets/build/index.html': 'index.html' },
    },
  },
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

/** Folder with that tool. */
export const buildTool = (name: keyof typeof tools) => build(name, tools[name])

/** Names in the cache of all that stands in this file, built or not. */
export const namesInCache = () =>
  Promise.all(
    Object.entries({ ...modules, ...tools }).map(
      async ([name, module]) => `${name}-${await keyOf(name, module)}`,
    ),
  )

const sources = (name: string) => fileURLToPath(new URL(`${name}/`, import.meta.url))

async function build(name: string, module: Module): Promise<string> {
  return cached(join('binaries', `${name}-${await keyOf(name, module)}`), (folder) =>
    step(`Build ${name}`, async () => {
      await mkdir(folder)
      await (module.programs ? compile(name, module, module.programs, folder) : compose(name, folder))
    }),
  )
}

const toolchain = { CGO_ENABLED: '0', GOTOOLCHAIN: 'local' }

async function compile(name: string, module: Module, programs: readonly Program[], into: string) {
  const flags = module.added ? await added(name, module.added, into) : []
  for (const [tags, packages] of Object.entries(Object.groupBy(programs, ({ tags = '' }) => tags)))
    await run(
      'go',
      [
        'build',
        '-trimpath',
        ...flags,
        ...(tags ? ['-tags', tags] : []),
        '-ldflags',
        linkerFlags(module),
        '-o',
        `${into}/`,
        ...packages!.map((program) => program.package),
      ],
      { cwd: sources(name), env: { ...toolchain, CGO_ENABLED: module.cgo ? '1' : '0' } },
    )
}

/**
 * Has the collector's own builder write and compile a main program of the parts that builder.yaml names. Their versions
 * are pinned there, what they require in turn is resolved by Go; the go.sum that comes of it is left beside the program.
 * https://opentelemetry.io/docs/collector/custom-collector/
 */
const compose = (name: string, into: string) =>
  run('go', ['tool', 'builder', '--config', 'builder.yaml'], {
    cwd: sources(name),
    // Read as a key of builder.yaml.
    env: { ...toolchain, 'dist.output_path': into },
  })

/** Lets the build take a copy of a module with files of ours in it: Go allows none to be replaced in its own cache. */
async function added(name: string, { module, files }: NonNullable<Module['added']>, into: string) {
  const cwd = sources(name)
  const copy = join(into, 'module')
  const { Dir } = JSON.parse(await run('go', ['mod', 'download', '-json', module], { cwd })) as {
    Dir: string
  }
  await cp(Dir, copy, { recursive: true })
  await run('chmod', ['-R', 'u+w', copy])
  for (const [path, own] of Object.entries(files)) await cp(join(cwd, own), join(copy, path))
  for (const file of ['go.mod', 'go.sum']) await cp(join(cwd, file), join(into, file))
  const modfile = join(into, 'go.mod')
  await run('go', ['mod', 'edit', '-replace', `${module}=${copy}`, modfile])
  return ['-modfile', modfile]
}

const linkerFlags = ({ stamps = {} }: Module) =>
  ['-s', '-w', ...Object.entries(stamps).map(([variable, value]) => `-X ${variable}=${value}`)].join(' ')

/** Changes with every source, version, tag and stamp that the result depends on. */
async function keyOf(name: string, module: Module): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(module))
  for (const file of (await readdir(sources(name))).sort())
    hash.update(file).update(await readFile(join(sources(name), file)))
  return hash.digest('hex').slice(0, 12)
}
