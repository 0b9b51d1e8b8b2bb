import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Where the receiver writes OTLP JSON, an export a line, and what it has put aside when that grew too large. */
export const spanFiles = (dataDir: string) => ({
  current: join(dataDir, 'traces', 'spans.jsonl'),
  previous: join(dataDir, 'traces', 'spans.1.jsonl'),
})

export interface Span {
  trace: string
  id: string
  /** Of the same trace; undefined where the trace begins. */
  parent: string | undefined
  /** The process: name of a service, with `-worker` where it is the one that does its jobs. */
  service: string
  name: string
  kind: 'server' | 'client' | 'consumer' | 'internal'
  /** Milliseconds since 1970, with fractions. */
  start: number
  /** Duration in milliseconds. */
  took: number
  failed: boolean
  attributes: Readonly<Record<string, string | number>>
  /** The spans, of other traces, that caused this one without waiting for it. */
  links: readonly { trace: string; id: string }[]
}

/** All spans that are kept, as they came; none where nothing was ever observed. */
export async function readSpans(dataDir: string): Promise<Span[]> {
  const { current, previous } = spanFiles(dataDir)
  const texts = await Promise.all([previous, current].map(readOr))
  // Behind the last line end is nothing, or a line that is being written.
  const lines = texts.flatMap((text) => text.split('\n').slice(0, -1))
  return lines.flatMap((line) => spansOf(JSON.parse(line) as Export))
}

const readOr = (file: string) =>
  readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })

/** https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding, as far as our own SDK uses it */
export interface Export {
  resourceSpans: {
    resource: { attributes: Attribute[] }
    scopeSpans: { spans: OtlpSpan[] }[]
  }[]
}

interface OtlpSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes?: Attribute[]
  links?: { traceId: string; spanId: string }[]
  status?: { code?: number }
}

interface Attribute {
  key: string
  value: { stringValue?: string; intValue?: string | number; doubleValue?: number }
}

const kinds: Readonly<Record<number, Span['kind']>> = { 2: 'server', 3: 'client', 5: 'consumer' }
const error = 2

/** The spans of one export. */
export const spansOf = ({ resourceSpans }: Export): Span[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(valuesOf(resource.attributes)['service.name'])
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => spanOf(service, span)))
  })

const spanOf = (service: string, span: OtlpSpan): Span => ({
  trace: span.traceId,
  id: span.spanId,
  parent: span.parentSpanId || undefined,
  service,
  name: span.name,
  kind: kinds[span.kind] ?? 'internal',
  start: milliseconds(BigInt(span.startTimeUnixNano)),
  took: milliseconds(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)),
  failed: span.status?.code === error,
  attributes: valuesOf(span.attributes),
  links: (span.links ?? []).map(({ traceId, spanId }) => ({ trace: traceId, id: spanId })),
})

const milliseconds = (nanoseconds: bigint) => Number(nanoseconds / 1000n) / 1000

const valuesOf = (attributes: Attribute[] = []) =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? Number(value.intValue ?? value.doubleValue),
    ]),
  )
