import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { attributes } from '#kit/telemetry.ts'
import { logInByForm, type Tokens } from '../services/identity/fixtures/login.ts'
import { readSpans, type Span } from './observe-spans.ts'
import { freePorts } from './ports.ts'
import type { Demo } from './seed/seed.ts'
import { type Launcher, start } from './test-launcher.ts'
import { until } from './test-process.ts'

const patience = 60_000

/** In Jaeger's place: takes its configuration and spans, and shows what it has taken. */
const standIn = `#!${process.execPath}
const { createServer } = require('node:http')
const { extensions, receivers } = JSON.parse(process.argv[2].replace('--config=yaml:', ''))
const portOf = ({ endpoint }) => Number(endpoint.split(':')[1])
let taken = ''
createServer((request, response) => response.end(taken)).listen(portOf(extensions.jaeger_query.http))
createServer((request, response) => {
  request.on('data', (chunk) => (taken += chunk)).on('end', () => response.end('{}'))
}).listen(portOf(receivers.otlp.protocols.http))
`

let dir: string
let dataDir: string
let edge: string
let launcher: Launcher
let demo: Demo
let tokens: Tokens

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'staffmesh-observe-'))
  await chmod(dir, 0o711)
  dataDir = join(dir, 'data')
  const [port] = await freePorts(1)
  edge = `http://localhost:${port}`
  await mkdir(join(dir, 'bin'))
  await writeFile(join(dir, 'bin', 'jaeger'), standIn, { mode: 0o755 })
  vi.stubEnv('PATH', `${join(dir, 'bin')}:${process.env.PATH}`)
  launcher = start('--observe', '--data-dir', dataDir, '--port', String(port))
  await launcher.ready
  demo = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8')) as Demo
  tokens = await logInByForm(edge, demo.accounts.find(({ role }) => role === 'hr-admin')!)
}, patience)

afterAll(async () => {
  launcher.process.kill('SIGKILL')
  await launcher.ended
  await rm(dir, { recursive: true, force: true, maxRetries: 20 })
}, patience)

/** Runs the command as a person does. */
const trace = async (...args: string[]) =>
  (
    await promisify(execFile)(process.execPath, [
      join(import.meta.dirname, 'trace.ts'),
      '--data-dir',
      dataDir,
      ...args,
    ])
  ).stdout

test('a request is one trace from the edge to the statements, linked to the job that it enqueued', {
  timeout: patience,
}, async () => {
  const response = await fetch(`${edge}/v1/leave/runs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens.access_token}`, 'content-type': 'application/json' },
    body: '{}',
  })
  expect(response.status).toBe(202)
  const request = response.headers.get('x-request-id')!

  let spans: Span[] = []
  const isRoot = ({ attributes }: Span) => attributes['staffmesh.request'] === request
  const jobOf = (root: Span | undefined) =>
    spans.find(({ links }) => links.some(({ trace }) => trace === root?.trace))
  await until(async () => {
    spans = await readSpans(dataDir)
    return jobOf(spans.find(isRoot)) !== undefined
  }, patience)

  const root = spans.find(isRoot)!
  const one = spans.filter(({ trace }) => trace === root.trace)
  const parentOf = ({ parent }: Span) => one.find(({ id }) => id === parent)
  const pathOf = (span: Span | undefined): string[] =>
    span ? [...pathOf(parentOf(span)), `${span.service} ${span.kind} ${span.name}`] : []
  const enqueued = one.find(({ name }) => name === 'job_enqueue')
  expect(pathOf(enqueued)).toEqual([
    'edge server POST /v1/leave/runs',
    'workforce server POST /v1/leave/runs',
    'workforce client POST /startLeaveRun',
    'leave server POST /startLeaveRun',
    'leave client job_enqueue',
  ])
  const job = jobOf(root)!
  expect(`${job.service} ${job.kind} ${job.name}`).toBe('leave-worker consumer process settle-company')
  expect(job.links).toEqual([{ trace: root.trace, id: enqueued!.parent }])
  expect(spans.some(({ parent }) => parent === job.id)).toBe(true)

  const story = await trace(request)
  expect(story).toContain(`Trace ${root.trace}: ${one.length} spans`)
  expect(story).toContain('─ job_enqueue ')
  expect(story).toContain(`caused by the trace ${root.trace}\n`)
  expect(await trace()).toContain(root.trace)
})

test('of all that the start and the stories leave, nothing is said but what is declared, and of nobody', async () => {
  const spans = await readSpans(dataDir)
  const said = new Set(spans.flatMap((span) => Object.keys(span.attributes)))
  expect([...said].filter((key) => !Object.hasOwn(attributes, key))).toEqual([])
  const text = JSON.stringify(spans)
  for (const { email } of demo.accounts) expect(text).not.toContain(email)
})

test('what is not there is told, with where to look', { timeout: patience }, async () => {
  await expect(trace('no-such-request')).rejects.toThrow('No trace has the id no-such-request')
  await expect(trace('one', 'two')).rejects.toThrow('Usage: npm run -s trace')
})

test('a viewer on the PATH has the traces too, is told where, and ends with the launcher', {
  timeout: patience,
}, async () => {
  const [url] = /http:\S+(?= +shows all in the browser)/.exec(await launcher.ready)!
  const [{ trace: id }] = (await readSpans(dataDir)) as [Span]
  expect(await (await fetch(url)).text()).toContain(id)
  launcher.process.kill('SIGKILL')
  await until(() =>
    fetch(url).then(
      () => false,
      () => true,
    ),
  )
})
