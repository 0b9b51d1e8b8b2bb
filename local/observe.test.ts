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

/** Asks the edge as the HR administrator. */
async function ask(path: string, body?: object, headers: Record<string, string> = {}): Promise<Response> {
  const response = await fetch(`${edge}${path}`, {
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
    headers: {
      authorization: `Bearer ${tokens.access_token}`,
      'content-type': 'application/json',
      ...headers,
    },
  })
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${await response.text()}`)
  return response
}

/** The spans of a request, once none is awaited any more, and all these spans of other traces link to it. */
async function storyOf(response: Response, caused: string[]) {
  const request = response.headers.get('x-request-id')!
  let story: { root: Span; one: Span[]; effects: Span[]; all: Span[] } | undefined
  await until(async () => {
    const all = await readSpans(dataDir)
    const root = all.find(({ attributes }) => attributes['staffmesh.request'] === request)
    if (!root) return false
    const one = all.filter(({ trace }) => trace === root.trace)
    const effects = all.filter(({ links }) => links.some(({ trace }) => trace === root.trace))
    story = { root, one, effects, all }
    const ids = new Set(one.map(({ id }) => id))
    const awaited = [
      ...one.map(({ parent }) => parent),
      ...effects.flatMap(({ links }) =>
        links.filter(({ trace }) => trace === root.trace).map(({ id }) => id),
      ),
    ]
    if (awaited.some((id) => id && id !== root.parent && !ids.has(id))) return false
    return caused.every((wanted) => effects.some((effect) => said(effect) === wanted))
  }, patience)
  return { request, ...story! }
}

const said = ({ service, kind, name }: Span) => `${service} ${kind} ${name}`

/** From where the trace begins to a span. */
function pathTo(span: Span | undefined, spans: readonly Span[]): string[] {
  if (!span) return []
  return [
    ...pathTo(
      spans.find(({ id }) => id === span.parent),
      spans,
    ),
    said(span),
  ]
}

test('a request is one trace from the edge to the statements, linked to the job that it enqueued', {
  timeout: patience,
}, async () => {
  const response = await ask('/v1/leave/runs', {})
  const job = 'leave-worker consumer process settle-company'
  const { request, root, one, effects, all } = await storyOf(response, [job])
  const enqueued = one.find(({ name }) => name === 'job_enqueue')
  expect(pathTo(enqueued, one)).toEqual([
    'edge server POST /v1/leave/runs',
    'workforce server POST /v1/leave/runs',
    'workforce client POST /startLeaveRun',
    'leave server POST /startLeaveRun',
    'leave client job_enqueue',
  ])
  const effect = effects.find((effect) => said(effect) === job)!
  expect(effect.links).toEqual([{ trace: root.trace, id: enqueued!.parent }])
  expect(all.some(({ parent }) => parent === effect.id)).toBe(true)

  const story = await trace(request)
  expect(story).toContain(`Trace ${root.trace}: ${one.length} spans`)
  expect(story).toContain('─ job_enqueue ')
  expect(story).toContain(`caused by the trace ${root.trace}\n`)
  expect(await trace()).toContain(root.trace)
})

test('an event leads to who followed it, and to the steps that it set going', {
  timeout: patience,
}, async () => {
  const { items } = (await (await ask('/v1/employees?limit=1')).json()) as {
    items: { id: string; version: number }[]
  }
  const [{ id, version }] = items as [(typeof items)[0]]
  const change = { effectiveFrom: '2099-01-01', changes: { fte: 0.6 } }
  const response = await ask(`/v1/employees/${id}/changes`, change, { 'if-match': `"${version}"` })
  const { one, effects } = await storyOf(response, [
    'lifecycle-worker consumer follow directory',
    'lifecycle-worker consumer process account',
    'lifecycle-worker consumer process leave-projection',
  ])
  const wrote = one.find(({ name }) => name === 'event_insert')!
  for (const { links } of effects) expect(links.map(({ id }) => id)).toContain(wrote.parent)
})

test('of all that the start and the stories leave, nothing is said but what is declared, and of nobody', async () => {
  const spans = await readSpans(dataDir)
  const keys = new Set(spans.flatMap((span) => Object.keys(span.attributes)))
  expect([...keys].filter((key) => !Object.hasOwn(attributes, key))).toEqual([])
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
