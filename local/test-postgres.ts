import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { forgetful, startPostgres } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the superuser of the run's PostgreSQL: create databases with it, do not change `postgres`. */
    postgres: string
  }
}

/** One PostgreSQL for the whole test run; tests make databases of their own in it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), 'staffmesh-test-'))
  await chmod(dir, 0o711)
  const postgres = await startPostgres({ dataDir: dir, settings: forgetful, ephemeral: true })
  project.provide('postgres', postgres.superuserUrl)
  process.env.TEST_POSTGRES_URL = postgres.superuserUrl
  return async () => {
    await postgres.stop()
    await rm(dir, { recursive: true, force: true })
  }
}
