import { namespaces, type Resource, resource } from './resource.ts'

const manager = 'envoy.filters.network.http_connection_manager'

/**
 * A proxy that traces writes its decision into `x-request-id` where that is a UUID, one digit of it. The id by which
 * people ask us for their request would then be found in no log of a service, and in no audit trail.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/request_id/uuid/v3/uuid.proto
 */
export const requestIds = (): Resource[] =>
  Object.values(namespaces).map((namespace) =>
    resource(
      'networking.istio.io/v1alpha3',
      'EnvoyFilter',
      'request-ids',
      'a request has one id, from the client to the last service and its audit trail',
      {
        configPatches: (['SIDECAR_INBOUND', 'SIDECAR_OUTBOUND'] as const).map((context) => ({
          applyTo: 'NETWORK_FILTER',
          match: { context, listener: { filterChain: { filter: { name: manager } } } },
          patch: { operation: 'MERGE', value: unchanged },
        })),
      },
      namespace,
    ),
  )

const unchanged = {
  typed_config: {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    request_id_extension: {
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig',
        pack_trace_reason: false,
      },
    },
  },
}
