import type { Access, Kind } from '#kit/contract.ts'
import { routeOf } from '#kit/contract.ts'
import { callsOf, type Service } from '#kit/service.ts'

/** One declared call: this caller may ask this operation of this callee, by this method and path. */
export interface Edge {
  caller: string
  callee: string
  operation: string
  method: string
  path: string
  kind: Kind
  access: readonly Access[]
  /** Milliseconds. */
  deadline: number
}

/** The workload that stands at the edge; the only caller from outside. */
export const edge = 'edge'

/** Services, their calls, and what the edge lets in: all that the policies are rendered from. */
export interface Graph {
  services: readonly Service[]
  edges: readonly Edge[]
}

/** Reads the graph from the declarations and refuses one that cannot be lived with. */
export function graphOf(services: readonly Service[]): Graph {
  const names = services.map((service) => service.name)
  for (const name of names)
    if (names.indexOf(name) !== names.lastIndexOf(name))
      throw new Error(`Two services are called ${name}: rename one of them`)

  const edges = services.flatMap((service) => [
    ...callsOf(service).map(({ callee, operation, declaration }) => {
      if (!names.includes(callee))
        throw new Error(`${service.name} calls ${callee}, which is not in services/index.ts: add it there`)
      const { method, path } = routeOf(operation, declaration)
      const { kind, access, deadline } = declaration
      return { caller: service.name, callee, operation, method, path, kind, access, deadline }
    }),
    ...fromOutside(service),
  ])
  refuseCycles(edges)
  refuseUpwardCalls(services, edges)
  return { services, edges }
}

function fromOutside(service: Service): Edge[] {
  const routes = Object.entries(service.contract.operations)
    .filter(() => service.layer === 'application')
    .map(([operation, op]) => {
      const { method, path } = routeOf(operation, op)
      const { kind, access, deadline } = op
      return { caller: edge, callee: service.name, operation, method, path, kind, access, deadline }
    })
  const exceptions = service.publicPaths.flatMap(({ methods, path }) =>
    methods.map((method) => ({
      caller: edge,
      callee: service.name,
      operation: path,
      method,
      path,
      kind: 'stream' as const,
      access: [],
      deadline: publicPathDeadline,
    })),
  )
  return [...routes, ...exceptions]
}

/** Milliseconds; paths outside the contracts (login pages, token endpoint) declare none of their own. */
const publicPathDeadline = 15_000

function refuseCycles(edges: readonly Edge[]): void {
  const visit = (name: string, trail: readonly string[]): void => {
    if (trail.includes(name))
      throw new Error(
        `Services call each other in a circle: ${[...trail, name].join(' → ')}. Break one of the calls`,
      )
    for (const callee of new Set(edges.filter((e) => e.caller === name).map((e) => e.callee)))
      visit(callee, [...trail, name])
  }
  for (const name of new Set(edges.map((e) => e.caller))) visit(name, [])
}

/** Calls point down: from an application service to a data service. */
function refuseUpwardCalls(services: readonly Service[], edges: readonly Edge[]): void {
  const layers = new Map(services.map(({ name, layer }) => [name, layer]))
  for (const { caller, callee } of edges.filter((e) => e.caller !== edge)) {
    if (layers.get(caller) === 'data')
      throw new Error(
        `${caller} is a data service and calls ${callee}: let an application service bring the two together`,
      )
    if (layers.get(callee) !== 'data')
      throw new Error(
        `${caller} calls ${callee}, which is no data service: tell it in an event that it reads`,
      )
  }
}

/** The services that a service calls, in order of name. */
export const calleesOf = (graph: Graph, caller: string) =>
  [...new Set(graph.edges.filter((e) => e.caller === caller).map((e) => e.callee))].sort()

/** The edges into a service, per caller, in order of name. */
export function callersOf(graph: Graph, callee: string): [caller: string, edges: Edge[]][] {
  const into = graph.edges.filter((e) => e.callee === callee)
  return [...new Set(into.map((e) => e.caller))]
    .sort()
    .map((caller) => [caller, into.filter((e) => e.caller === caller)])
}
