import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePorts } from './ports.ts'
import { createSupervisor, type ProcessSpec, type Supervisor } from './supervisor.ts'

let logDir: string
let supervisor: Supervisor

beforeEach(async () => {
  logDir = await mkdtemp(join(tmpdir(), 'staffmesh-supervisor-'))
  supervisor = createSupervisor({ logDir, grace: 500 })
})
afterEach(async () => {
  supervisor.kill()
  await supervisor.stop(['example'])
  await rm(logDir, { recursive: true })
})

const listen = 'require("http").createServer((_, r) => r.end()).listen(process.env.PORT, "127.0.0.1");'

async function example(program: string): Promise<ProcessSpec> {
  const [port] = await freePorts(1)
  const env = { PORT: String(port) }
  return { name: 'example', args: ['--eval', program], env, readyUrl: `http://127.0.0.1:${port}/` }
}

test('a process that can’t start is reported with the end of its log', async () => {
  const program = 'console.log(JSON.stringify({ level: "fatal", msg: "no keys" })); process.exit(3)'
  const started = supervisor.start(await example(program))
  await expect(started).rejects.toThrow(
    /^example ended with exit code 3\. .*example\.log:\n {2}fatal no keys$/s,
  )
})

test('a process that ends later is reported too', async () => {
  await supervisor.start(await example(`${listen} setTimeout(() => { throw new Error("broken") }, 100)`))
  expect((await supervisor.failed).message).toMatch(/^example ended with exit code 1\..*Error: broken/s)
})

test('a process that is stopped is no failure, and ends in order', async () => {
  const orderly = 'process.on("SIGTERM", () => { console.log("drained"); process.exit() })'
  await supervisor.start(await example(`${listen} ${orderly}`))
  await supervisor.stop(['example'])
  expect(await readFile(join(logDir, 'example.log'), 'utf8')).toBe('drained\n')
  expect(await Promise.race([supervisor.failed, 'none'])).toBe('none')
})

test('one that does not end is made to', async () => {
  supervisor = createSupervisor({ logDir, grace: 0 })
  await supervisor.start(await example(`${listen} process.on("SIGTERM", () => {})`))
  await supervisor.stop(['example'])
  expect(await Promise.race([supervisor.failed, 'none'])).toBe('none')
})

test('keeps the log of the run before', async () => {
  for (const run of ['first', 'second']) {
    await supervisor.start(await example(`console.log("${run}"); ${listen}`))
    await supervisor.stop(['example'])
  }
  expect(await readFile(join(logDir, 'example.log'), 'utf8')).toBe('second\n')
  expect(await readFile(join(logDir, 'example.log.1'), 'utf8')).toBe('first\n')
})
