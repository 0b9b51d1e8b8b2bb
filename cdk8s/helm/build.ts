import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The helm program; empty where it cannot be had. */
    helm: string
  }
}

const run = promisify(execFile)
const version = 'v3.22.0'

/** Helm, built from its Go module once a version. A machine that cannot is no reason to fail, but to say so. */
export default async function setup(project: TestProject): Promise<void> {
  // biome-ignore lint/complexity/useLiteralKeys: an environment variable
  const caches = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  const folder = join(caches, 'staffmesh', `helm-${version}`)
  const helm = join(folder, 'helm')
  const built = await access(helm).then(
    () => true,
    () => build(folder),
  )
  project.provide('helm', built ? helm : '')
}

async function build(folder: string): Promise<boolean> {
  process.stdout.write(`Building helm ${version} in ${folder}; a few minutes, once\n`)
  const start = performance.now()
  const env = { ...process.env, GOBIN: folder, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' }
  try {
    await run('go', ['install', '-trimpath', '-ldflags=-s -w', `helm.sh/helm/v3/cmd/helm@${version}`], {
      env,
    })
  } catch (error) {
    const { code, message } = error as Error & { code?: unknown }
    const why = code === 'ENOENT' ? 'there is no Go on PATH' : message
    const line = '!'.repeat(80)
    process.stdout.write(
      `${line}\nThe Helm chart was NOT PROVEN: it takes helm ${version}, which is built with Go.\nWhy it was not: ${why}\n${line}\n`,
    )
    return false
  }
  process.stdout.write(`Built helm ${version} in ${Math.round((performance.now() - start) / 1000)} s\n`)
  return true
}
