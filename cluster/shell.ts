import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** Where Debian and its kin have the tools; what is not here comes with the base system. */
export const packages: Readonly<Record<string, string>> = {
  buildah: 'buildah',
  containerd: 'containerd',
  ctr: 'containerd',
  debootstrap: 'debootstrap',
  go: 'golang-go, 1.26 or newer (https://go.dev/dl)',
  ip: 'iproute2',
  iptables: 'iptables',
  mount: 'mount',
  nft: 'nftables',
  nsenter: 'util-linux',
  openssl: 'openssl',
  pip3: 'python3-pip',
  runc: 'runc',
  tini: 'tini',
  unshare: 'util-linux',
}

/** A failure that its message explains to the person at the terminal; no stack is of help. */
export class Refusal extends Error {}

export interface Options {
  cwd?: string | undefined
  env?: NodeJS.ProcessEnv | undefined
  input?: string | undefined
}

/** Runs a program to its end and answers with its standard output. */
export async function run(
  program: string,
  args: readonly string[],
  { cwd, env, input }: Options = {},
): Promise<string> {
  const running = execute(program, args, { cwd, env: { ...process.env, ...env }, maxBuffer: 256 * 2 ** 20 })
  if (input !== undefined) {
    // A program that ends before it has read everything tells by its exit code why.
    running.child.stdin!.on('error', () => {})
    running.child.stdin!.end(input)
  }
  try {
    return (await running).stdout
  } catch (error) {
    throw explained(program, args, error as Error & { code?: unknown; stderr?: string })
  }
}

/** Starts a program that outlives this process. */
export function launch(program: string, args: readonly string[], log: number): void {
  spawn(program, args, { stdio: ['ignore', log, log], detached: true }).unref()
}

function explained(
  program: string,
  args: readonly string[],
  error: Error & { code?: unknown; stderr?: string },
): Error {
  if (error.code === 'ENOENT') return new Refusal(missing([program]))
  const said = error.stderr?.trim() || error.message
  if (/no space left on device/i.test(said))
    return new Refusal(`The disk is full: ${program} could not write. Make room and start again.`)
  if (
    /dial tcp|no such host|network is unreachable|failure resolving|failed to establish a new connection/i.test(
      said,
    )
  )
    return new Refusal(
      `${program} could not reach the network, which what is not in the cache yet is fetched from:\n${said.slice(-1000)}`,
    )
  return new Refusal(`${[program, ...args].join(' ').slice(0, 300)} failed:\n${said.slice(-4000)}`)
}

const missing = (tools: readonly string[]) =>
  `Missing on this machine: ${tools.map((tool) => `${tool} (package ${packages[tool] ?? tool})`).join(', ')}`

/** Those that are not on PATH. */
export async function absent(tools: readonly string[]): Promise<string[]> {
  const there = await Promise.all(tools.map((tool) => has(tool)))
  return tools.filter((_, index) => !there[index])
}

/** Refuses with all missing tools at once. */
export async function need(tools: readonly string[]): Promise<void> {
  const lacking = await absent(tools)
  if (lacking.length > 0) throw new Refusal(missing(lacking))
}

const has = (tool: string) =>
  execute('sh', ['-c', 'command -v "$1"', 'sh', tool]).then(
    () => true,
    () => false,
  )

/** Asks until it holds. The last failure tells why it did not. */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  { seconds = 60, pause = 250 }: { seconds?: number; pause?: number } = {},
): Promise<T> {
  const end = Date.now() + seconds * 1000
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (Date.now() > end)
        throw new Refusal(`${what}: not after ${seconds} s. ${(error as Error).message}`, { cause: error })
    }
    await new Promise((resume) => setTimeout(resume, pause))
  }
}

/** A step of a command as its reader sees it: what is done, then how long it took. */
export async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  process.stdout.write(`· ${what}\n`)
  const result = await work()
  process.stdout.write(`✓ ${what}: ${((performance.now() - start) / 1000).toFixed(1)} s\n`)
  return result
}
