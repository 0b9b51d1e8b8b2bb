import { prometheus, prometheusPort, traceQueryPort, traceStore } from '../../../mesh/monitoring.ts'
import { forward, readyPods } from './kubernetes.ts'

/** A span as Jaeger tells it, with what proofs look at. */
export interface Span {
  id: string
  trace: string
  /** Undefined where the trace begins. */
  parent: string | undefined
  /** Of those that caused it without waiting for it. */
  links: { trace: string; span: string }[]
  name: string
  /** `service.name`: that of a process, or `<workload>.<namespace>` of a proxy. */
  service: string
  kind: string
  tags: Readonly<Record<string, unknown>>
  resource: Readonly<Record<string, unknown>>
}

export interface Told {
  /** Spans by trace. */
  traces: Map<string, Span[]>
  text: string
}

interface JaegerTag {
  key: string
  value: unknown
}

interface JaegerTrace {
  spans: {
    traceID: string
    spanID: string
    operationName: string
    references: { refType: 'CHILD_OF' | 'FOLLOWS_FROM'; traceID: string; spanID: string }[]
    tags: JaegerTag[]
    processID: string
  }[]
  processes: Record<string, { serviceName: string; tags?: JaegerTag[] }>
}

const recordOf = (tags: readonly JaegerTag[] = []) =>
  Object.fromEntries(tags.map(({ key, value }) => [key, value]))

/** Asks a workload's API on its pod's loopback, where the mesh lets nobody in. */
async function apiOf({ name, namespace }: { name: string; namespace: string }, port: number) {
  const [pod] = await readyPods(namespace, `app.kubernetes.io/part-of=${name}`)
  if (!pod) throw new Error(`${name} has no pod that is ready in ${namespace}`)
  const tunnel = await forward({ name: pod.metadata.name, namespace }, port)
  const ask = async (path: string, parameters: Readonly<Record<string, string>> = {}) => {
    const response = await fetch(`http://127.0.0.1:${tunnel.port}${path}?${new URLSearchParams(parameters)}`)
    const text = await response.text()
    if (!response.ok) throw new Error(`${name} answers ${path} with ${response.status}: ${text}`)
    return text
  }
  return { ask, close: tunnel.close }
}

/** https://www.jaegertracing.io/docs/1.76/architecture/apis/#internal-http-json */
export async function openTraces() {
  const { ask, close } = await apiOf(traceStore, traceQueryPort)
  async function tracesOf(service: string, began: Date): Promise<Told> {
    const text = await ask('/api/traces', {
      service,
      start: String(began.getTime() * 1000),
      end: String(Date.now() * 1000),
      limit: '5000',
    })
    const { data } = JSON.parse(text) as { data: JaegerTrace[] }
    return { traces: Map.groupBy(data.flatMap(spansOf), ({ trace }) => trace), text }
  }
  return {
    close,
    /** The traces that a service has told of since an instant, with what others told of them, and as it was told. */
    of: tracesOf,
    /** All that services have told since an instant. */
    async since(began: Date): Promise<Told> {
      const { data: services } = JSON.parse(await ask('/api/services')) as { data: string[] }
      const parts: Told[] = []
      for (const service of services) parts.push(await tracesOf(service, began))
      return {
        traces: new Map(parts.flatMap(({ traces }) => [...traces])),
        text: parts.map(({ text }) => text).join('\n'),
      }
    },
    /** Whether there is a trace of that id. */
    knows: async (trace: string) =>
      ask(`/api/traces/${trace}`).then(
        () => true,
        (error: Error) => {
          if (/with 404/.test(error.message)) return false
          throw error
        },
      ),
  }
}

const spansOf = ({ spans, processes }: JaegerTrace): Span[] =>
  spans.map(({ traceID, spanID, operationName, references, tags, processID }) => {
    const { serviceName, tags: resource } = processes[processID]!
    const own = recordOf(tags)
    const caused = references.filter(({ refType }) => refType === 'CHILD_OF')
    return {
      id: spanID,
      trace: traceID,
      parent: caused.find((each) => each.traceID === traceID)?.spanID,
      links: references
        .filter(({ refType }) => refType === 'FOLLOWS_FROM')
        .map((each) => ({ trace: each.traceID, span: each.spanID })),
      name: operationName,
      service: serviceName,
      kind: String(own['span.kind']),
      tags: own,
      resource: recordOf(resource),
    }
  })

/** https://prometheus.io/docs/prometheus/latest/querying/api/ */
export async function openNumbers() {
  const { ask, close } = await apiOf(prometheus, prometheusPort)
  return {
    close,
    /** The value of an expression that has one, 0 where there is no series yet. */
    async value(query: string): Promise<number> {
      const { data } = JSON.parse(await ask('/api/v1/query', { query })) as {
        data: { result: { value: [number, string] }[] }
      }
      return Number(data.result[0]?.value[1] ?? 0)
    },
    /** All series, as they are told. */
    series: () => ask('/api/v1/series', { 'match[]': '{job=~".+"}' }),
  }
}
