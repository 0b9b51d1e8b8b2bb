import { randomUUIDv7 } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { InMemoryLogRecordExporter, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace'
import { symbols } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { follow, serveFeed } from './events.ts'
import { constraints, createCounterApp, migrations } from './fixtures/counter/app.ts'
import { createTallyApp } from './fixtures/tally/app.ts'
import { work } from './jobs.ts'
import { log } from './log.ts'
import { attributes, bounds, counts, durations, resourceAttributes, summaryOf } from './telemetry.ts'
import { startSdk } from './telemetry-otel.ts'
import { callerHeaders, post, serveApp, type TestDatabase, testCall, testDatabase, until } from './testing.ts'

const spans = new InMemorySpanExporter()
const logs = new InMemoryLogRecordExporter()
const measured = new InMemoryMetricExporter(AggregationTemporality.DELTA)
const reader = new PeriodicExportingMetricReader({ exporter: measured, exportIntervalMillis: 3_600_000 })

const tenant = randomUUIDv7()
const name = 'Anna Ångström'
const trace = '0af7651916cd43dd8448eb211c80319c'
const outside = 'b7ad6b7169203331'
const headers = {
  'content-type': 'application/json',
  ...callerHeaders({ tenant }),
  authorization: 'Bearer secret-token',
  traceparent: `00-${trace}-${outside}-01`,
}

let db: TestDatabase
let counters: Awaited<ReturnType<typeof serveApp>>
let tally: ReturnType<typeof createTallyApp>
let telemetry: ReturnType<typeof startSdk>
let id: string
const level = log.level
// The lines of this process, which are looked at and not printed.
const lines: string[] = []
const output = Reflect.get(log, symbols.streamSym) as { write(line: string): boolean }
vi.spyOn(output, 'write').mockImplementation((line) => lines.push(line) > 0)
beforeAll(async () => {
  log.level = 'info'
  telemetry = startSdk('kit-test', {
    spanProcessors: [new SimpleSpanProcessor({ exporter: spans })],
    logRecordProcessors: [new SimpleLogRecordProcessor({ exporter: logs })],
    metricReaders: [reader],
  })
  db = await testDatabase({ service: 'counter', migrations, constraints })
  const app = createCounterApp(db.database)
  counters = await serveApp(app)
  tally = createTallyApp(counters.url)
  id = ((await post(app, 'createCounter', { name }, { tenant })).body as { id: string }).id
})
afterAll(async () => {
  log.level = level
  await telemetry.stop()
  await counters.close()
  await db.close()
})
beforeEach(() => {
  spans.reset()
  logs.reset()
  measured.reset()
  lines.length = 0
})

const raise = (body: unknown) =>
  tally.request(`/v1/tallies/${id}/raises`, { method: 'POST', headers, body: JSON.stringify(body) })

/** The spans as lines, indented below their parents. */
function tree(parent: string, indent = ''): string[] {
  return spans
    .getFinishedSpans()
    .filter((span) => span.parentSpanContext?.spanId === parent && span.spanContext().traceId === trace)
    .flatMap((span) => [
      `${indent}${SpanKind[span.kind].toLowerCase()} ${span.name}`,
      ...tree(span.spanContext().spanId, `${indent}  `),
    ])
}

const spanOf = (named: string) => spans.getFinishedSpans().find((span) => span.name === named) as ReadableSpan

async function metricsNow() {
  await reader.forceFlush()
  return measured
    .getMetrics()
    .flatMap((batch) => batch.scopeMetrics)
    .flatMap((scope) => scope.metrics)
}

describe('one request over two services', () => {
  it('is one trace, parent and child across the hop', async () => {
    expect((await raise({ by: 1 })).status).toBe(200)
    const increment = [
      '  client POST /increment',
      '    server POST /increment',
      '      client idempotency_insert',
      '      client counter_read',
      '      client update counter',
      '      client event_insert',
      '      client audit_insert',
      '      client job_enqueue',
      '      client idempotency_store',
    ]
    expect(tree(outside)).toEqual(['server POST /v1/tallies/{id}/raises', ...increment, ...increment])
    expect(spanOf('POST /v1/tallies/{id}/raises').attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/tallies/{id}/raises',
      'http.response.status_code': 200,
      'url.scheme': 'http',
      'staffmesh.operation': 'raiseTally',
      'staffmesh.tenant': tenant,
    })
    expect(spanOf('counter_read').attributes).toEqual({
      'db.system.name': 'postgresql',
      'db.query.summary': 'counter_read',
    })
  })

  it('logs a line for each hop, with its trace and span', async () => {
    await raise({ by: 1 })
    const records = logs.getFinishedLogRecords()
    expect(records.map((line) => line.attributes['staffmesh.operation'])).toEqual([
      'increment',
      'increment',
      'raiseTally',
    ])
    for (const line of records) {
      expect(line.attributes).toMatchObject({ 'http.response.status_code': 200, 'staffmesh.tenant': tenant })
      expect(line.spanContext?.traceId).toBe(trace)
    }
    const { spanId } = spanOf('POST /v1/tallies/{id}/raises').spanContext()
    expect(records.at(-1)?.spanContext?.spanId).toBe(spanId)
    expect(lines).toHaveLength(3)
    expect(JSON.parse(lines.at(-1)!)).toEqual({
      level: 'info',
      time: expect.any(String),
      service: 'tally',
      operation: 'raiseTally',
      status: 200,
      ms: expect.any(Number),
      tenant,
      trace_id: trace,
      span_id: spanId,
      request_id: expect.any(String),
      msg: 'request',
    })
  })

  it('measures requests, calls, statements and the wait for a connection, and counts open streams', async () => {
    await raise({ by: 1 })
    const found = new Map((await metricsNow()).map((metric) => [metric.descriptor.name, metric]))
    expect([...found.keys()].sort()).toEqual([
      'db.client.connection.wait_time',
      'db.client.operation.duration',
      'http.client.request.duration',
      'http.server.request.duration',
      'staffmesh.open_streams',
    ])
    const streams = found.get('staffmesh.open_streams')!
    expect(streams.descriptor).toMatchObject({ unit: '{stream}', type: 'UP_DOWN_COUNTER' })
    expect(streams.dataPoints).toMatchObject([{ value: 0, attributes: { 'staffmesh.operation': 'events' } }])
    const operations = found.get('http.server.request.duration')!.dataPoints
    expect(operations.map((point) => point.attributes['staffmesh.operation'])).toEqual(
      expect.arrayContaining(['raiseTally', 'increment']),
    )
    expect(operations.map((point) => point.attributes['staffmesh.kind'])).toEqual(
      operations.map(() => 'command'),
    )
  })

  it('marks what failed on our side, and nothing else, as an error', async () => {
    const missing = await tally.request(`/v1/tallies/${randomUUIDv7()}`, { headers })
    expect(missing.status).toBe(404)
    expect(spanOf('GET /v1/tallies/{id}').status.code).toBe(SpanStatusCode.UNSET)
    const late = await tally.request(`/v1/tallies/${id}?sleep=5`, {
      headers: { ...headers, 'x-staffmesh-deadline': String(Date.now() + 200) },
    })
    expect(late.status).toBe(504)
    const failed = spans.getFinishedSpans().filter((span) => span.name === 'GET /v1/tallies/{id}')[1]!
    expect(failed.attributes).toMatchObject({ 'error.type': 'deadline-exceeded' })
    expect(failed.status).toEqual({ code: SpanStatusCode.ERROR })
  })
})

it('links a job to the request that enqueued it', async () => {
  const seen: (string | undefined)[] = []
  await raise({ by: 1 })
  const enqueued = spans
    .getFinishedSpans()
    .filter((span) => span.name === 'POST /increment' && span.kind === 1)
  const worker = await work('counter', db.urls.worker, {
    jobs: {
      async noted(_, call) {
        seen.push(call.traceparent)
        if (seen.length === 1) throw new TypeError('not today')
      },
    },
  })
  const jobs = () => spans.getFinishedSpans().filter((span) => span.name === 'process noted')
  const causes = () => jobs().map((job) => job.links[0]?.context.spanId)
  await until(() => enqueued.every((span) => causes().includes(span.spanContext().spanId)))
  await worker.stop()
  for (const job of jobs()) expect(job.spanContext().traceId).not.toBe(trace)
  const failed = jobs().filter((job) => job.status.code === SpanStatusCode.ERROR)
  expect(failed).toHaveLength(1)
  expect(failed[0]!.attributes).toMatchObject({ 'staffmesh.job': 'noted', 'error.type': 'TypeError' })
  expect(seen[0]).toContain(failed[0]!.spanContext().spanId)
  expect((await metricsNow()).map((metric) => metric.descriptor.name)).toEqual(
    expect.arrayContaining(['staffmesh.job.duration', 'staffmesh.job.lag']),
  )
})

it('links a follower to the requests whose events it applies, and measures how far it is behind', async () => {
  await raise({ by: 1 })
  const wrote = spans.getFinishedSpans().find((span) => span.name === 'POST /increment' && span.kind === 1)!
  await raise({ by: 1 })
  const hourAgo = new Date(Date.now() - 3_600_000).toISOString()
  await db.sudo('create table cursor (feed text primary key, position text, moved_at timestamptz)')
  await db.sudo('grant all on cursor to counter')
  const page = serveFeed(db.database)
  const stop = new AbortController()
  let tries = 0
  const following = follow({
    service: 'follower',
    feed: 'counter',
    database: db.database,
    read: async (call, input) => {
      const { cursor, events } = await page({ ...input, limit: 1000 }, call)
      return { cursor, events: events.map((event, i) => (i === 0 ? { ...event, at: hourAgo } : event)) }
    },
    apply: async () => {
      if (tries++ === 0) throw Object.assign(new Error('Ångström'), { code: '40001' })
    },
    signal: stop.signal,
  })
  await until(async () => (await db.sudo('select 1 from cursor where position is not null')).length > 0)
  stop.abort()
  await following
  const followed = spans.getFinishedSpans().filter((span) => span.name === 'follow counter')
  expect(followed.map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.UNSET])
  for (const { links } of followed)
    expect(links.map(({ context }) => context.spanId)).toContain(wrote.spanContext().spanId)
  const statement = spanOf('update cursor')
  expect(statement.parentSpanContext?.spanId).toBe(followed[1]!.spanContext().spanId)
  const lag = (await metricsNow()).find((metric) => metric.descriptor.name === 'staffmesh.feed.lag')
  expect(lag?.dataPoints.map(({ attributes }) => attributes)).toEqual([
    { 'staffmesh.feed': 'counter', 'error.type': '40001' },
    { 'staffmesh.feed': 'counter' },
  ])
  // What could not be applied has waited since the oldest event was written, though others came later.
  const [waited, behind] = lag!.dataPoints.map(({ value }) => (value as { sum: number }).sum)
  expect(waited).toBeGreaterThanOrEqual(3600)
  expect(behind).toBeLessThan(60)
})

it('measures what looks for work again and again, and tells no span of it', async () => {
  const call = testCall('', { traceparent: headers.traceparent })
  await serveFeed(db.database)({ limit: 10, wait: 0 }, call)
  expect(spans.getFinishedSpans()).toEqual([])
  const statements = (await metricsNow()).find(
    ({ descriptor }) => descriptor.name === 'db.client.operation.duration',
  )
  expect(statements?.dataPoints.map(({ attributes }) => attributes['db.query.summary'])).toContain(
    'feed_state',
  )
})

const expectAllowed = (keys: string[]) =>
  expect(keys.filter((key) => !Object.hasOwn(attributes, key))).toEqual([])

describe('what leaves', () => {
  it('is what the README says', async () => {
    const readme = await readFile(new URL('./README.md', import.meta.url), 'utf8')
    const counted = Object.entries(counts).map(([name, { meaning }]) => [name, meaning])
    const all = { ...attributes, ...resourceAttributes, ...durations, ...Object.fromEntries(counted) }
    for (const [name, meaning] of Object.entries<string>(all))
      expect(readme).toMatch(
        new RegExp(`\\| \`${name}\` +\\| ${meaning.replaceAll(/[{}()|]/g, '\\$&')} *\\|`),
      )
    for (const bound of Object.values(bounds)) expect(readme).toContain(`| ${bound} `)
  })

  it('has attributes of the table only, and nothing personal', async () => {
    await raise({ by: 1 })
    await raise({ by: name })
    await tally.request(`/v1/tallies/${id}?q=${encodeURIComponent(name)}`, { headers })
    // refused by the database, whose message quotes the name
    await post(createCounterApp(db.database), 'createCounter', { name }, { tenant })
    log.error({ err: await db.sudo('select $1::uuid', [name]).catch((error) => error) }, 'internal')

    const found = await metricsNow()
    for (const metric of found) {
      expect(Object.keys(bounds)).toContain(metric.descriptor.name)
      for (const point of metric.dataPoints) {
        expectAllowed(Object.keys(point.attributes))
        expect(point.attributes).not.toHaveProperty(['staffmesh.tenant'])
      }
    }
    for (const span of spans.getFinishedSpans()) {
      expectAllowed(Object.keys(span.attributes))
      expect(span.events).toEqual([])
      const said = Object.keys(span.resource.attributes)
      expect(said.filter((key) => !Object.hasOwn(resourceAttributes, key))).toEqual([])
    }
    for (const line of logs.getFinishedLogRecords()) expectAllowed(Object.keys(line.attributes))

    const everything = JSON.stringify([
      spans.getFinishedSpans().map((span) => [span.name, span.attributes, span.status, span.links]),
      logs.getFinishedLogRecords().map((line) => [line.body, line.attributes]),
      found.map((metric) => metric.dataPoints.map((point) => point.attributes)),
    ])
    expect(everything + lines.join('')).not.toContain('Anna')
    expect(everything + lines.join('')).not.toContain('secret-token')
    expect(everything).toContain('22P02')
  })
})

it.each([
  ['select a from b', 'select b'],
  ['insert into "audit" (id) values ($1)', 'insert audit'],
  ['update counter set value = 1', 'update counter'],
  ['begin', 'begin'],
])('a statement without a name, %s, is told as %s', (text, summary) => {
  expect(summaryOf(text)).toBe(summary)
})
