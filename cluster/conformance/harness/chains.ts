import { type Edge, edge, type Graph } from '../../../mesh/graph.ts'
import { namespaces } from '../../../mesh/resource.ts'
import type { Span } from './traces.ts'

/** A span that must be there: whose, and what it is in the call. */
interface Wanted {
  service: string
  kind: 'client' | 'server'
}

/** What a workload's proxy calls itself. */
const proxyOf = (workload: string, service: string) =>
  `${workload}.${service === edge ? namespaces.edge : namespaces.services}`

/** A process is the server or the worker of a service. */
const serviceOf = (process: string) => process.replace(/-worker$/, '')

/**
 * The table of what one trace is, by the declarations: a declared call, told by the process that made it, has below it
 * the span of that workload's proxy, below that the one of the callee's proxy, below that the callee's own.
 */
export const chainBelow = (process: string, { caller, callee }: Edge): Wanted[] => [
  { service: proxyOf(process, caller), kind: 'client' },
  { service: proxyOf(callee, callee), kind: 'server' },
  { service: callee, kind: 'server' },
]

export interface Found {
  call: Edge
  /** What is missing of it, in words. */
  lacks: string[]
}

const statusOf = ({ tags }: Span) => Number(tags['http.response.status_code'] ?? 500)

/** The declared call that a span tells of: the edge's of what came in, a client's of what it asked. */
function callOf({ edges }: Graph, { service, kind, tags }: Span): Edge | undefined {
  const operation = tags['staffmesh.operation']
  if (operation === undefined) return undefined
  const isStart = service === edge ? kind === 'server' : kind === 'client'
  return edges.find(
    (each) =>
      isStart &&
      each.caller === serviceOf(service) &&
      each.operation === operation &&
      (service === edge || each.callee === tags['server.address']),
  )
}

/**
 * Each declared call that was answered, with what its chain lacks. A refusal counts where the callee has spoken it: a proxy
 * on the way, or the edge itself, may have been the one that refused.
 */
export function answeredCalls(graph: Graph, spans: readonly Span[]): Found[] {
  const children = Map.groupBy(spans, ({ parent }) => parent)
  const keepsData = new Set(graph.services.filter(({ layer }) => layer === 'data').map(({ name }) => name))
  return spans.flatMap((span) => {
    const call = callOf(graph, span)
    if (!call || statusOf(span) >= 500) return []
    const isDone = statusOf(span) < 300
    let reached: Span | undefined = span
    for (const { service, kind } of chainBelow(span.service, call)) {
      const below: Span[] = children.get(reached.id) ?? []
      reached = below.find((each) => each.service === service && each.kind === kind)
      if (!reached && !isDone) return []
      if (!reached) return [{ call, lacks: [`${kind} of ${service}, beside ${namesOf(below)}`] }]
    }
    const statements = (children.get(reached.id) ?? []).filter(({ tags }) => tags['db.system.name'])
    // What comes back from a feed or a login page need not have asked the database.
    const asksDatabase = isDone && keepsData.has(call.callee) && call.kind !== 'stream'
    return [{ call, lacks: asksDatabase && statements.length === 0 ? ['a statement'] : [] }]
  })
}

const namesOf = (spans: readonly Span[]) =>
  spans.map(({ service, kind }) => `${kind} of ${service}`).join() || 'nothing'
