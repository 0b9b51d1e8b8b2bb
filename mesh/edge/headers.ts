import { deadlineHeader } from '#kit/call.ts'
import { identityHeaders } from '#kit/caller.ts'
import { type EdgeObject, kongPlugin } from './kong.ts'
import { tokenKey } from './token.ts'

/**
 * What nobody outside may say: who he is, how long a call may take, which trace it belongs to, and what Envoy obeys
 * from within the mesh (it takes Kong for a workload like any other, and would retry as often as a client says).
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#http-headers-consumed
 */
export const spoofable: readonly string[] = [
  ...Object.values(identityHeaders),
  deadlineHeader,
  tokenKey,
  'x-client-trace-id',
  'traceparent',
  'tracestate',
  'baggage',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'x-forwarded-client-cert',
  'x-envoy-attempt-count',
  'x-envoy-decorator-operation',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-external-address',
  'x-envoy-force-trace',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-internal',
  'x-envoy-ip-tags',
  'x-envoy-is-timeout-retry',
  'x-envoy-max-retries',
  'x-envoy-original-path',
  'x-envoy-peer-metadata',
  'x-envoy-peer-metadata-id',
  'x-envoy-retriable-header-names',
  'x-envoy-retriable-status-codes',
  'x-envoy-retry-grpc-on',
  'x-envoy-retry-on',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-stream-duration-ms',
]

export const withoutSpoofed = kongPlugin(
  'edge-headers',
  'request-transformer',
  { remove: { headers: [...spoofable] } },
  'identity, deadline and trace headers count inside, so nobody outside may set them',
)

export const requestId = kongPlugin(
  'edge-request-id',
  'correlation-id',
  { header_name: 'X-Request-Id', generator: 'uuid', echo_downstream: true },
  'a client can name the request that it asks about',
)

/** What clients are told, and what of the inside they aren't. */
export const answerHeaders = (https: boolean): EdgeObject =>
  kongPlugin(
    'edge-answer',
    'response-transformer',
    {
      remove: {
        headers: ['server', 'x-powered-by', 'x-envoy-upstream-service-time', 'x-envoy-decorator-operation'],
      },
      add: {
        headers: [
          'Cache-Control:no-store',
          ...(https ? ['Strict-Transport-Security:max-age=31536000; includeSubDomains'] : []),
        ],
      },
    },
    'answers are private; browsers come back by HTTPS only',
  )
