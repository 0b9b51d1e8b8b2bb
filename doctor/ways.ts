import { environments, publicUrlOf } from '../cdk8s/environments.ts'
import { helm } from '../cdk8s/helm/build.ts'
import { oldestGo, room, tools } from '../cluster/able.ts'
import { packages } from '../cluster/shell.ts'
import { requiredVersion, versions } from '../cluster/versions.ts'
import { parseOptions } from '../local/options.ts'
import packageJson from '../package.json' with { type: 'json' }
import type { Facts } from './facts.ts'

/** Something that a machine lacks, and the command or the deed that mends it. */
export interface Finding {
  lacks: string
  remedy: string
}

export interface Way {
  /** What it is, for a reader, and the command that goes it. */
  title: string
  command: string
  findings(facts: Facts): Finding[]
}

const kind = environments.kind!
const tiltRelease = requiredVersion('tilt', 'github.com/tilt-dev/tilt')
const registryPort = Number(new URL(`http://${kind.images.registry}`).port)
const kindPort = Number(new URL(publicUrlOf(kind)).port)
const localPort = (parseOptions([], {}) as { port: number }).port

/** The ports whose state the findings depend on. */
export const ports = [...new Set([localPort, kindPort, registryPort])]

/** Programs that `tilt up` on kind takes, and how each gets onto a machine. */
const kindTools: Readonly<Record<string, { brew: string; other: string }>> = {
  kubectl: {
    brew: 'brew install kubectl',
    other: `sudo curl -fLo /usr/local/bin/kubectl https://dl.k8s.io/release/${versions.kubernetes}/bin/linux/ARCH/kubectl && sudo chmod +x /usr/local/bin/kubectl`,
  },
  kind: { brew: 'brew install kind', other: 'go install sigs.k8s.io/kind@v0.33.0' },
  ctlptl: {
    brew: 'brew install tilt-dev/tap/ctlptl',
    other: 'go install github.com/tilt-dev/ctlptl/cmd/ctlptl@latest',
  },
  helm: { brew: 'brew install helm', other: `go install ${helm.package}@${helm.version}` },
  tilt: {
    brew: 'brew install tilt-dev/tap/tilt',
    other: `curl -fsSL https://github.com/tilt-dev/tilt/releases/download/${tiltRelease}/tilt.${tiltRelease.slice(1)}.linux.TILTARCH.tar.gz | sudo tar -xzC /usr/local/bin tilt`,
  },
}

/** The programs whose presence the findings depend on. */
export const programs = [...tools, ...Object.keys(kindTools), 'docker']

export const ways: Readonly<Record<'local' | 'cluster' | 'tilt', Way>> = {
  local: {
    title: 'all services as processes of this machine',
    command: 'npm start',
    findings: (facts) => [
      ...supported(facts),
      ...pinnedNode(facts),
      ...memory(facts, 2),
      ...disk(facts.free.checkout, 2, 'this checkout'),
      ...port(facts, localPort, 'take another: npm start -- --port 9090'),
    ],
  },
  cluster: {
    title: 'a Kubernetes of its own with Istio, without Docker',
    command: 'sudo npm run cluster:up',
    findings: (facts) => {
      if (facts.platform !== 'linux') return [{ lacks: 'Linux', remedy: 'use tilt, or npm start' }]
      const found = [
        ...pinnedNode(facts),
        ...root(facts),
        ...missing(facts, tools, debian),
        ...newGo(facts),
        ...memory(facts, 4),
        ...(facts.cluster.up
          ? []
          : disk(facts.free.cache, facts.cluster.built ? room.start : room.build, 'its cache')),
      ]
      // Names what is above again.
      if (found.length > 0 || !facts.refused) return found
      return [{ lacks: facts.refused, remedy: 'take a machine of your own, or a virtual one' }]
    },
  },
  tilt: {
    title: 'Kubernetes in Docker with Istio and Kong; edits are live',
    command: 'ctlptl apply -f kind.yaml && tilt up',
    findings: (facts) => [
      ...pinnedNode(facts),
      ...docker(facts),
      ...missing(facts, Object.keys(kindTools), (name) => {
        const { brew, other } = kindTools[name]!
        if (facts.installer === 'brew') return brew
        if (other.startsWith('go ') && !facts.programs.has('go'))
          return `${other}, with Go: https://go.dev/dl`
        const arm = facts.architecture === 'arm64'
        return other.replace('TILTARCH', arm ? 'arm64' : 'x86_64').replace('ARCH', arm ? 'arm64' : 'amd64')
      }),
      ...memory(facts, 8),
      ...disk(facts.free.checkout, 10, 'this checkout'),
      ...(facts.kind
        ? []
        : [kindPort, registryPort].flatMap((each) => port(facts, each, 'end who listens there'))),
    ],
  },
}

function supported({ platform, architecture, glibc }: Facts): Finding[] {
  const known = ['linux', 'darwin'].includes(platform) && ['x64', 'arm64'].includes(architecture)
  if (!known)
    return [
      {
        lacks: `a platform that PostgreSQL and Node come for, not ${platform} ${architecture}`,
        remedy: 'use Linux or macOS on x64 or arm64; on Windows, WSL',
      },
    ]
  if (!glibc)
    return [
      {
        lacks: 'glibc, which the programs of PostgreSQL are linked with',
        remedy: 'use a distribution that has it, e.g. Debian',
      },
    ]
  return []
}

const root = ({ root }: Facts): Finding[] =>
  root ? [] : [{ lacks: 'root, for namespaces, mounts and cgroups', remedy: 'sudo npm run cluster:up' }]

function pinnedNode({ node, npmNode, platform, architecture }: Facts): Finding[] {
  const pinned = Object.entries(packageJson.optionalDependencies).find(
    ([name]) => /^node-/.test(name) && name.endsWith(`-${platform}-${architecture}`),
  )?.[1]
  const oldest = Number(packageJson.engines.node.match(/\d+/)![0])
  if (npmNode !== undefined && Number.parseInt(npmNode, 10) < oldest)
    return [
      {
        lacks: `Node.js ${oldest} or newer for npm, not ${npmNode}`,
        remedy: 'https://nodejs.org/en/download',
      },
    ]
  if (pinned !== undefined && node !== pinned)
    return [
      {
        lacks: `the Node.js that package.json pins, ${pinned}, not ${node}`,
        remedy: 'npm ci, and start it with npm run',
      },
    ]
  return []
}

const newer = (version: string | undefined, oldest: string) =>
  version !== undefined && version.localeCompare(oldest, 'en', { numeric: true }) >= 0

function newGo({ programs, go, installer }: Facts): Finding[] {
  if (!programs.has('go') || newer(go, oldestGo)) return []
  return [{ lacks: `Go ${oldestGo} or newer, not ${go}`, remedy: remedyOfGo(installer) }]
}

const remedyOfGo = (installer: Facts['installer']) =>
  installer === 'brew' ? 'brew install go' : 'https://go.dev/dl, since distributions have older ones'

const debian = (name: string) =>
  name === 'go' ? remedyOfGo('apt') : `sudo apt-get install ${packages[name] ?? name}`

function docker({ programs, docker: runs, installer }: Facts): Finding[] {
  if (runs) return []
  if (!programs.has('docker'))
    return [
      {
        lacks: 'Docker',
        remedy: installer === 'brew' ? 'brew install --cask docker' : 'sudo apt-get install docker.io',
      },
    ]
  return [
    {
      lacks: 'a Docker engine that answers',
      remedy:
        installer === 'brew'
          ? 'open -a Docker'
          : 'sudo systemctl start docker, and sudo usermod -aG docker $USER',
    },
  ]
}

/** Packages that several programs come with are named once. */
function missing({ programs }: Facts, names: readonly string[], remedy: (name: string) => string): Finding[] {
  const lacking = names.filter((name) => !programs.has(name))
  const groups = Object.entries(Object.groupBy(lacking, remedy))
  return groups.map(([remedy, group]) => ({ lacks: group!.join(', '), remedy }))
}

const memory = ({ memory }: Facts, wanted: number): Finding[] =>
  // What the firmware keeps for itself is missing from the sum.
  memory >= wanted * 0.9
    ? []
    : [
        {
          lacks: `${wanted} GiB of memory, there are ${memory.toFixed(1)}`,
          remedy: 'give the machine more, in Docker Desktop under Resources',
        },
      ]

const disk = (free: number, wanted: number, where: string): Finding[] =>
  free >= wanted
    ? []
    : [{ lacks: `${wanted} GiB on the disk of ${where}, ${free.toFixed(1)} are free`, remedy: 'make room' }]

const port = ({ takenPorts }: Facts, port: number, remedy: string): Finding[] =>
  takenPorts.has(port) ? [{ lacks: `port ${port}, at which somebody listens`, remedy }] : []
