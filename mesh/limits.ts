import { identityHeaders } from '#kit/caller.ts'
import { callersOf, type Graph } from './graph.ts'
import { asProblem, manager, repliesIn } from './problems.ts'
import { type Resource, resource } from './resource.ts'

// What limits of one replica (local-limits.ts) and of all together (global-limits.ts) have in common.

export const kinds = ['query', 'command'] as const
type Kind = (typeof kinds)[number]

/** Operations of a service that count as one kind; streams count as none. */
export interface CountedCalls {
  kind: Kind
  method: string
  /** Regular expression of the paths of that kind and method. */
  path: string
}

export function countedCalls(graph: Graph, service: string): CountedCalls[] {
  const calls = callersOf(graph, service).flatMap(([, edges]) => edges)
  return kinds.flatMap((kind) => {
    const ofKind = calls.filter((call) => call.kind === kind)
    return [...new Set(ofKind.map((call) => call.method))].sort().map((method) => ({
      kind,
      method,
      path: alternatives(ofKind.filter((call) => call.method === method).map((call) => call.path)),
    }))
  })
}

const alternatives = (paths: string[]) =>
  [...new Set(paths.map((path) => path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/?]+')))]
    .sort()
    .join('|')

/** The tenant of the token and the kind of the operation, as entries of a descriptor; without a tenant there is none. */
export const tenantAndKind = ({ kind, method, path }: CountedCalls) => [
  {
    header_value_match: {
      descriptor_key: 'kind',
      descriptor_value: kind,
      headers: [
        { name: ':method', string_match: { exact: method } },
        { name: ':path', string_match: { safe_regex: { regex: `(${path})([?].*)?` } } },
      ],
    },
  },
  { request_headers: { header_name: identityHeaders.tid, descriptor_key: 'tenant' } },
]

/** After authentication, whose claims are what is counted by, and after authorization. */
export const beforeTheRouter = {
  context: 'SIDECAR_INBOUND',
  listener: { filterChain: { filter: { name: manager, subFilter: { name: 'envoy.filters.http.router' } } } },
}

const retryAfter = (value: string) => ({
  append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
  header: { key: 'retry-after', value },
})

/** What each filter says when it refuses: a bucket is filled every second. */
export const retryInASecond = [retryAfter('1')]

/**
 * A proxy's own 429 as the problem document that services answer (RFC 9457). Where the rate limit service has told when
 * its window ends, that is when to try again; an empty value changes nothing.
 */
export const limitProblems = (): Resource =>
  resource(
    'networking.istio.io/v1alpha3',
    'EnvoyFilter',
    'limit-problems',
    'too-many-requests of services/kit/problem.ts: whoever refuses, a client reads the same',
    {
      configPatches: [
        repliesIn('SIDECAR_INBOUND', [
          asProblem('too-many-requests', [retryAfter('%RESP(X-RATELIMIT-RESET)%')]),
        ]),
      ],
    },
  )
