import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

interface GoProgram {
  name: string
  version: string
  /** Its main package. */
  package: string
}

/**
 * A program that tests take, built from its Go module once a version.
 *
 * @returns its path
 * @throws Error that says why it cannot be had
 */
export async function goProgram({ name, version, package: main }: GoProgram): Promise<string> {
  // biome-ignore lint/complexity/useLiteralKeys: an environment variable
  const caches = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  const folder = join(caches, 'staffmesh', `${name}-${version}`)
  const program = join(folder, basename(main))
  const isBuilt = await access(program).then(
    () => true,
    () => false,
  )
  if (isBuilt) return program
  process.stdout.write(`Building ${name} ${version} in ${folder}; a few minutes, once\n`)
  const start = performance.now()
  const env = { ...process.env, GOBIN: folder, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' }
  try {
    await run('go', ['install', '-trimpath', '-ldflags=-s -w', `${main}@${version}`], { env })
  } catch (error) {
    const { code, message } = error as Error & { code?: unknown }
    throw new Error(
      `it takes ${name} ${version}, which is built with Go: ${code === 'ENOENT' ? 'there is no Go on PATH' : message}`,
    )
  }
  process.stdout.write(`Built ${name} ${version} in ${Math.round((performance.now() - start) / 1000)} s\n`)
  return program
}

/** What a machine cannot prove is no reason to fail, but to say so. */
export function sayNotProven(what: string, why: string): void {
  const line = '!'.repeat(80)
  process.stdout.write(`${line}\n${what} NOT PROVEN: ${why}\n${line}\n`)
}
