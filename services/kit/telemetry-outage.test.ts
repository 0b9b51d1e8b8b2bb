import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it, vi } from 'vitest'
import { recorder } from './telemetry.ts'
import { startSdk } from './telemetry-otel.ts'

afterEach(() => vi.unstubAllEnvs())

/** A collector that takes what it is sent and answers only when it is let to. */
async function hangingCollector() {
  const held: ServerResponse[] = []
  let answers = false
  let spans = 0
  const server = createServer((request, response) => {
    const body: Buffer[] = []
    request.on('data', (part) => body.push(part))
    request.on('end', () => {
      if (request.url === '/v1/traces') spans += countIn(Buffer.concat(body).toString())
      if (answers) response.end('{}')
      else held.push(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () => spans,
    answer() {
      answers = true
      for (const response of held) response.end('{}')
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

const countIn = (json: string) => json.match(/"spanId"/g)?.length ?? 0

/** Far more than are kept for a collector that does not answer. */
const many = 20_000
/** The SDK's own bound: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
const queue = 2048
const batch = 512

it('a collector that does not answer holds up nobody, and what waits for it is bounded', async () => {
  const collector = await hangingCollector()
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url)
  vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json')
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '60000')
  const telemetry = startSdk('outage')
  const tell = (count: number) => {
    for (let i = 0; i < count; i++)
      recorder!.start({ kind: 'server', name: 'GET /things', attributes: {} }).end({})
  }
  tell(batch)
  await vi.waitUntil(() => collector.spans() === batch)
  // The first batch is on its way for ever.
  tell(many)
  collector.answer()
  await telemetry.stop()
  await collector.close()
  expect(collector.spans()).toBe(batch + queue)
})

it('a collector that is gone holds up no shutdown for longer than it is told to', async () => {
  const collector = await hangingCollector()
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url)
  vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json')
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '300')
  const telemetry = startSdk('outage')
  recorder!.start({ kind: 'server', name: 'GET /things', attributes: {} }).end({})
  const began = performance.now()
  await telemetry.stop().catch(() => {})
  // Spans, metrics and logs at once, each with its time; ten times that is a machine that is busy with others.
  expect(performance.now() - began).toBeLessThan(3000)
  collector.answer()
  await collector.close()
})
