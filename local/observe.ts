import { fileURLToPath } from 'node:url'
import { jaegerOf, type Viewer } from './observe-viewer.ts'
import type { ProcessSpec } from './supervisor.ts'

/** What is added to the processes of a run whose traces are to be seen. */
export interface Observation {
  /** Takes the spans: started before all others, stopped after them. */
  receiver: ProcessSpec
  /** Has the other processes send them. */
  environment: Record<string, string>
  /** Runs beside the receiver, where this machine has one. */
  viewer: Viewer | undefined
}

/** How many ports it needs: of the receiver and of the viewer. */
export const observationPorts = 3

/** `ports` are as many as `observationPorts` says. */
export function observationOf(
  dataDir: string,
  ports: readonly number[],
  environment: Record<string, string>,
): Observation {
  const [port, viewerPort, viewerOtlpPort] = ports as [number, number, number]
  const url = `http://127.0.0.1:${port}`
  const viewer = jaegerOf(environment.PATH ?? '', [viewerPort, viewerOtlpPort])
  return {
    viewer,
    receiver: {
      name: 'observe',
      args: [fileURLToPath(new URL('./observe-receiver.ts', import.meta.url))],
      env: {
        ...environment,
        DATA_DIR: dataDir,
        PORT: String(port),
        ...(viewer && { VIEWER: JSON.stringify(viewer) }),
      },
      readyUrl: `${url}/readyz`,
    },
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      // Milliseconds: whoever has made a request looks for its trace at once.
      OTEL_BSP_SCHEDULE_DELAY: '500',
    },
  }
}
