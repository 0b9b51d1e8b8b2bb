import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A program that shows traces in the browser, and takes them at its own address. */
export interface Viewer {
  command: [program: string, ...args: string[]]
  url: string
  otlpUrl: string
}

/** Traces that are kept in memory. */
const mostTraces = 20_000

/**
 * Jaeger 2, a collector with pages, where `jaeger` is on the PATH. One that Go builds of its module shows nothing: the
 * pages are only in what the project releases.
 * https://www.jaegertracing.io/docs/latest/deployment/configuration/
 */
export function jaegerOf(path: string, [port, otlpPort]: readonly [number, number]): Viewer | undefined {
  const program = path
    .split(delimiter)
    .map((folder) => join(folder, 'jaeger'))
    .find(isExecutable)
  if (!program) return undefined
  const store = 'memory'
  const configuration = {
    service: {
      extensions: ['jaeger_storage', 'jaeger_query'],
      pipelines: { traces: { receivers: ['otlp'], exporters: ['jaeger_storage_exporter'] } },
      telemetry: { metrics: { level: 'none' } },
    },
    extensions: {
      jaeger_storage: { backends: { [store]: { memory: { max_traces: mostTraces } } } },
      jaeger_query: { storage: { traces: store }, http: at(port), grpc: at(0), enable_tracing: false },
    },
    receivers: { otlp: { protocols: { http: at(otlpPort) } } },
    exporters: { jaeger_storage_exporter: { trace_storage: store } },
  }
  return {
    command: [program, `--config=yaml:${JSON.stringify(configuration)}`],
    url: `http://localhost:${port}`,
    otlpUrl: `http://127.0.0.1:${otlpPort}`,
  }
}

const at = (port: number) => ({ endpoint: `127.0.0.1:${port}` })

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
