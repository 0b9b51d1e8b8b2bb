import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { freePorts } from './ports.ts'
import type { Demo } from './seed/seed.ts'
import { companyStory, patience, type Stage } from './test-company-story.ts'
import { type Launcher, start } from './test-launcher.ts'

// The whole path with the real processes.

let dir: string
let launcher: Launcher
let stage: Stage
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'staffmesh-company-'))
  await chmod(dir, 0o711)
  const [port] = await freePorts(1)
  launcher = start('--data-dir', join(dir, 'data'), '--port', String(port))
  await launcher.ready
  const { accounts } = JSON.parse(await readFile(join(dir, 'data', 'demo.json'), 'utf8')) as Demo
  stage = {
    edge: `http://localhost:${port}`,
    operator: accounts.find(({ role }) => role === 'operator')!,
  }
}, patience)

afterAll(async () => {
  launcher.process.kill('SIGKILL')
  await launcher.ended
  await rm(dir, { recursive: true, force: true, maxRetries: 20 })
}, patience)

companyStory(() => stage)
