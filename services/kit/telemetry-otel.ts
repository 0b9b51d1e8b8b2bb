import {
  type Attributes as Allowed,
  type Context,
  isSpanContextValid,
  logs,
  metrics as meters,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { NodeSDK, type NodeSDKConfiguration } from '@opentelemetry/sdk-node'
import { describeError, forwardLogs } from './log.ts'
import { latencyBounds } from './service.ts'
import {
  type Attributes,
  attributes,
  counts,
  durations,
  type Recorder,
  record,
  type Start,
} from './telemetry.ts'

/**
 * Sends what the kit's seams record, by OTLP as the OTEL_* environment says. There is no automatic instrumentation:
 * it costs memory and time, and what it notes down (paths, statements, headers) may be personal.
 */
export function startSdk(
  service: string,
  configuration: Partial<NodeSDKConfiguration> = {},
): { stop(): Promise<void> } {
  // Not the detectors of the process and the host: they would send the command line.
  process.env.OTEL_NODE_RESOURCE_DETECTORS ??= 'env,serviceinstance'
  const sdk = new NodeSDK({
    serviceName: service,
    instrumentations: [],
    textMapPropagator: null,
    ...configuration,
  })
  sdk.start()
  record(openTelemetry())
  forwardLogs(sendLog)
  return {
    async stop() {
      record(undefined)
      forwardLogs(undefined)
      await sdk.shutdown()
    },
  }
}

const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER }

/** Bounds of the histograms, in seconds: from one statement to a job that waited for hours. */
export const boundaries = [...latencyBounds.map((ms) => ms / 1000), 60, 600, 3600]

function openTelemetry(): Recorder {
  const tracer = trace.getTracer('staffmesh')
  const meter = meters.getMeter('staffmesh')
  const histograms = new Map(
    Object.entries(durations).map(([name, description]) => [
      name,
      meter.createHistogram(name, {
        unit: 's',
        description,
        advice: { explicitBucketBoundaries: boundaries },
      }),
    ]),
  )
  const counters = new Map(
    Object.entries(counts).map(([name, { of, falls, meaning }]) => {
      const options = { unit: `{${of}}`, description: meaning }
      return [name, falls ? meter.createUpDownCounter(name, options) : meter.createCounter(name, options)]
    }),
  )
  return {
    start({ kind, name, parent, links = [], attributes }: Start) {
      const linked = links.flatMap((link) => spanContextOf(link) ?? [])
      const span = tracer.startSpan(
        name,
        { kind: kinds[kind], attributes: allowed(attributes), links: linked.map((context) => ({ context })) },
        contextOf(parent),
      )
      const { traceId, spanId, traceFlags } = span.spanContext()
      return {
        traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
        end(outcome) {
          span.setAttributes(allowed(outcome))
          if (outcome['error.type'] !== undefined) span.setStatus({ code: SpanStatusCode.ERROR })
          span.end()
        },
      }
    },
    measure(metric, seconds, attributes) {
      histograms.get(metric)?.record(seconds, allowed(attributes))
    },
    add(metric, howMany, attributes) {
      counters.get(metric)?.add(howMany, allowed(attributes))
    },
  }
}

function allowed(given: Attributes): Allowed {
  const result: Allowed = {}
  for (const [key, value] of Object.entries(given))
    if (value !== undefined && Object.hasOwn(attributes, key)) result[key] = value
  return result
}

/** Which field of a log line is which attribute; others stay in the process's own output. */
const logged = {
  operation: 'staffmesh.operation',
  status: 'http.response.status_code',
  tenant: 'staffmesh.tenant',
  request_id: 'staffmesh.request',
  job: 'staffmesh.job',
  attempt: 'staffmesh.attempt',
  feed: 'staffmesh.feed',
} as const satisfies Record<string, keyof Attributes>

function sendLog(level: number, line: Record<string, unknown>, message: string): void {
  const found: Attributes = {}
  for (const [field, key] of Object.entries(logged)) {
    const value = line[field]
    if (typeof value === 'string' || typeof value === 'number') found[key] = value
  }
  if (line.err) {
    const { code, type } = describeError(line.err)
    found['error.type'] = String(code ?? type)
  }
  logs.getLogger('staffmesh').emit({
    // pino counts 10, 20, 30 where OpenTelemetry counts 1, 5, 9
    severityNumber: (level / 10 - 1) * 4 + 1,
    body: message,
    attributes: allowed(found),
    context: contextOf(`00-${line.trace_id}-${line.span_id}-01`),
  })
}

function contextOf(traceparent: string | undefined): Context {
  const spanContext = spanContextOf(traceparent)
  return spanContext ? trace.setSpanContext(ROOT_CONTEXT, spanContext) : ROOT_CONTEXT
}

function spanContextOf(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] =
    /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/.exec(traceparent ?? '') ?? []
  if (!traceId || !spanId || !flags) return undefined
  const spanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true }
  return isSpanContextValid(spanContext) ? spanContext : undefined
}
