import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { launch, Refusal, run, until } from '../shell.ts'
import { nodeName } from './addresses.ts'

/** What the process that holds the node's namespaces is called, and nothing else on the machine is. */
const mark = 'staffmesh-node-namespaces'

/**
 * The node is a set of namespaces, held by one process that is the init of theirs. With it everything in them ends,
 * however it was started: processes, mounts, interfaces, firewall rules.
 */
export class Node {
  readonly holder: number

  constructor(holder: number) {
    this.holder = holder
  }

  /** The same program as on this machine, but inside. */
  private inside(program: string, args: readonly string[]): string[] {
    return [
      '--target',
      String(this.holder),
      '--mount',
      '--net',
      '--pid',
      '--ipc',
      '--uts',
      '--',
      program,
      ...args,
    ]
  }

  run(program: string, args: readonly string[], input?: string): Promise<string> {
    return run('nsenter', this.inside(program, args), input === undefined ? {} : { input })
  }

  /** Whether its starter lived long enough to finish it. */
  isComplete(): Promise<boolean> {
    return this.run('test', ['-e', '/run/complete']).then(
      () => true,
      () => false,
    )
  }

  /** Starts a program that stays. */
  start(program: string, args: readonly string[], log: number): void {
    launch('nsenter', this.inside(program, args), log)
  }
}

/** Found by its name, so that it is found even where its starter was killed before it could note a number. */
export async function findNode(): Promise<Node | undefined> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  for (const pid of pids) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    // `tini -- sh -c … mark`: the init itself, not `unshare` above it, nor the shell below.
    const [program, ...args] = command.split('\0')
    if (program?.endsWith('tini') && args.includes(mark)) return new Node(Number(pid))
  }
  return undefined
}

/** Of `unshare`: what follows runs as the init of namespaces of its own. */
export const ownNamespaces: readonly string[] = [
  '--mount',
  '--net',
  '--pid',
  '--ipc',
  '--uts',
  '--fork',
  '--mount-proc',
  '--propagation',
  'private',
]

export async function startNode(): Promise<Node> {
  const child = spawn('unshare', [...ownNamespaces, 'tini', '--', 'sh', '-c', 'exec sleep infinity', mark], {
    stdio: 'ignore',
    detached: true,
  })
  child.unref()
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code) =>
      reject(new Refusal(`unshare ended with ${code}: namespaces cannot be made here`)),
    )
  })
  failed.catch(() => {})
  const node = await Promise.race([
    failed,
    until('The node’s namespaces', async () => {
      const found = await findNode()
      if (!found) throw new Error('they are not there')
      // Its mounts are made before it is; only then may others be added.
      await found.run('true', [])
      return found
    }),
  ])
  await node.run('sh', ['-ec', mounts])
  return node
}

/**
 * Pods share mounts with the node. /run is the node's own, so that no socket of this machine is seen or overwritten.
 * The kubelet sets parameters of the kernel, which are the whole machine's: it finds files there that say what it wants.
 */
const mounts = `
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/kernel
pretend() {
  echo "$2" > "/run/kernel/\${1##*/}"
  mount --bind "/run/kernel/\${1##*/}" "/proc/sys/$1"
}
pretend vm/overcommit_memory 1
pretend vm/panic_on_oom 0
pretend kernel/panic 10
pretend kernel/panic_on_oops 1
pretend kernel/keys/root_maxkeys 1000000
pretend kernel/keys/root_maxbytes 25000000
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
hostname ${nodeName}
touch /run/complete
`

/** Ends the node and all that is in it; the kernel takes the rest away. */
export async function endNode(node: Node): Promise<void> {
  process.kill(node.holder, 'SIGKILL')
  await until('The end of the node', async () => {
    if (await findNode()) throw new Error(`process ${node.holder} is still there`)
  })
}
