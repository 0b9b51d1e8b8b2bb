import { type KitProblem, kitProblems, problemBase } from '#kit/problem.ts'
import { namespaces, type Resource, resource } from './resource.ts'

/** The filter by whose name patches find where they belong. */
export const manager = 'envoy.filters.network.http_connection_manager'

/** Where a proxy keeps what it answers itself; `context` is Istio's, e.g. SIDECAR_INBOUND. */
export const repliesIn = (context: string, mappers: object[]) => ({
  applyTo: 'NETWORK_FILTER',
  match: { context, listener: { filterChain: { filter: { name: manager } } } },
  patch: {
    operation: 'MERGE',
    value: {
      typed_config: {
        '@type':
          'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
        local_reply_config: { mappers },
      },
    },
  },
})

/**
 * A status of a proxy's own as the problem document that services answer (RFC 9457).
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/local_reply
 */
export const asProblem = (code: KitProblem, headers: object[] = []) => ({
  filter: {
    status_code_filter: {
      comparison: {
        op: 'EQ',
        value: { default_value: kitProblems[code].status, runtime_key: `staffmesh_${code}` },
      },
    },
  },
  ...(headers.length > 0 ? { headers_to_add: headers } : {}),
  body_format_override: {
    content_type: 'application/problem+json',
    json_format: { type: problemBase + code, ...kitProblems[code] },
  },
})

/** What a proxy answers when a callee is not there, breaks off or is late. */
export const failures = ['bad-gateway', 'unavailable', 'deadline-exceeded'] as const satisfies KitProblem[]

/**
 * Whoever fails, a client reads the same: the proxy beside a caller says when the deadline has passed, the one beside a
 * callee when that broke off, and either answer goes all the way to the client outside.
 */
export const failureProblems = (): Resource[] =>
  [namespaces.services, namespaces.edge].map((namespace) =>
    resource(
      'networking.istio.io/v1alpha3',
      'EnvoyFilter',
      'failure-problems',
      `${failures.join(', ')} of services/kit/problem.ts: whoever fails, a client reads the same`,
      {
        configPatches: ['SIDECAR_INBOUND', 'SIDECAR_OUTBOUND'].map((context) =>
          repliesIn(
            context,
            failures.map((code) => asProblem(code)),
          ),
        ),
      },
      namespace,
    ),
  )
