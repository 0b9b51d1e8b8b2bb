import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { services } from '../services/index.ts'
import { portsNeeded } from './plan.ts'
import { freePorts } from './ports.ts'
import { commandLine } from './postgres.ts'
import { type Launcher, start } from './test-launcher.ts'
import { descendants, isRunning, until } from './test-process.ts'

const patience = 60_000
let dir: string
let port: string
let launcher: Launcher

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'staffmesh-start-'))
  await chmod(dir, 0o711)
  port = String((await freePorts(1))[0])
  launcher = start('--data-dir', join(dir, 'data'), '--port', port)
  await launcher.ready
}, patience)

afterAll(async () => {
  launcher.process.kill('SIGKILL')
  await launcher.ended
  await rm(dir, { recursive: true, force: true, maxRetries: 20 })
}, patience)

test('the first start opens the edge and says what can be done', async () => {
  const output = await launcher.ready
  const [, example] = /^ {2}curl .*"(http:.*)"$/m.exec(output)!
  for (const role of ['hr-admin', 'manager', 'employee'])
    expect(output).toMatch(new RegExp(`^  ${role} `, 'm'))
  expect((await fetch(`http://localhost:${port}/docs`)).status).toBe(200)
  expect((await fetch(example!)).status).toBe(401)
})

test('secrets are for the owner only', async () => {
  const modes = [
    'secrets/signing-keys.json',
    'secrets/database-passwords.json',
    'superuser-password',
    'demo.json',
  ]
  for (const file of modes) expect((await stat(join(dir, 'data', file))).mode & 0o777, file).toBe(0o600)
})

test('a second start beside it says so', async () => {
  const second = await start('--data-dir', join(dir, 'data'), '--port', '1').ended
  expect(second.code).toBe(1)
  expect(second.errors).toContain(`process ${launcher.process.pid}, http://localhost:${port}`)
})

test('a taken port is named, with the flag that changes it', async () => {
  const other = await start('--data-dir', join(dir, 'other'), '--port', port).ended
  expect(other).toMatchObject({ code: 1, output: '' })
  expect(other.errors).toContain(`Port ${port} is taken by another program.`)
  expect(other.errors).toContain(`--port ${Number(port) + 1}`)
})

test('kill -9 leaves no process behind, and the next start finds the data', {
  timeout: patience,
}, async () => {
  const before = descendants(launcher.process.pid!)
  // Each service, its worker, the edge; PostgreSQL and its guardian.
  expect(before.length).toBeGreaterThan(portsNeeded(services) + 2)
  launcher.process.kill('SIGKILL')
  await launcher.ended
  await until(() => !before.some(isRunning))

  const accounts = /Demo accounts\n[\s\S]*?\n\n/
  const [earlier] = accounts.exec(await launcher.ready)!
  launcher = start('--data-dir', join(dir, 'data'), '--port', port)
  expect(await launcher.ready).toContain(earlier)
})

test('a service that dies is named with the end of its log', { timeout: patience }, async () => {
  const below = descendants(launcher.process.pid!)
  const lines = await Promise.all(below.map(commandLine))
  process.kill(below[lines.findIndex((line) => /directory.main\.ts.worker/.test(line))]!, 'SIGKILL')
  const { code, errors } = await launcher.ended
  expect(code).toBe(1)
  expect(errors).toMatch(
    /^directory-worker ended by SIGKILL\. The end of its log, .*directory-worker\.log:\n/,
  )
  expect(below.filter(isRunning)).toEqual([])
})

test('kill -9 in the middle of a start leaves no process behind either', { timeout: patience }, async () => {
  launcher = start('--data-dir', join(dir, 'data'), '--port', port)
  let below: number[] = []
  await until(() => {
    below = descendants(launcher.process.pid!)
    // All are there, and none of them is ready.
    return below.length > portsNeeded(services) + 2
  })
  launcher.process.kill('SIGKILL')
  await launcher.ended
  await until(() => !below.some(isRunning), 20_000)
})

test('Ctrl-C stops all of it', { timeout: patience }, async () => {
  launcher = start('--data-dir', join(dir, 'data'), '--port', port)
  await launcher.ready
  const below = descendants(launcher.process.pid!)
  launcher.process.kill('SIGINT')
  expect(await launcher.ended).toMatchObject({ code: 0, errors: '' })
  expect(below.filter(isRunning)).toEqual([])
})
