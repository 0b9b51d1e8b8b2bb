import { collector, collectorPorts } from './egress.ts'
import { dnsNameOf, namespaces, type Resource, resource } from './resource.ts'

/** As istio-values.ts declares them to the control plane. */
export const providers = { logs: 'staffmesh-access-log', traces: 'staffmesh-traces' } as const

/**
 * What Envoy would tell of a request in a span, though it may name somebody: what a browser calls itself. The URL is cut
 * to its first character where the provider is declared.
 */
const withheld = { user_agent: { literal: { value: 'withheld' } } }

/** The collector's own proxy would tell it of each thing that it was told. */
const tracingIn = (namespace: string) =>
  namespace === collector.namespace
    ? { disableSpanReporting: true }
    : {
        providers: [{ name: providers.traces }],
        randomSamplingPercentage: 100,
        // Envoy would write the decision into x-request-id, and logs would tell another id than clients are told.
        useRequestIdForTraceSampling: false,
        customTags: withheld,
      }

const collectorHost = dnsNameOf(collector.name, collector.namespace)

/** What is sent to the collector is logged where that fails; what has no cluster was answered by the proxy itself. */
const worthALine = `!has(xds.cluster_name) || !xds.cluster_name.endsWith('|${collectorHost}') || response.code >= 400`

/**
 * Each call is logged once, by the caller's proxy, which knows the operation and the tries; the callee's adds what it
 * refused. All are traced; the collector decides what is kept. Metrics are Istio's defaults: naming a provider here would
 * break proxies without Istio's own filters.
 * https://istio.io/latest/docs/reference/config/telemetry/
 */
export const telemetry = (): Resource[] =>
  Object.values(namespaces).flatMap((namespace) => [
    resource(
      'telemetry.istio.io/v1',
      'Telemetry',
      'default',
      'calls are logged and traced without what names a person',
      {
        accessLogging: [
          {
            match: { mode: 'CLIENT' },
            providers: [{ name: providers.logs }],
            filter: { expression: worthALine },
          },
          {
            match: { mode: 'SERVER' },
            providers: [{ name: providers.logs }],
            filter: { expression: 'response.code >= 400' },
          },
        ],
        tracing: [tracingIn(namespace)],
      },
      namespace,
    ),
    untraced(namespace),
  ])

const never = { numerator: 0 }

/** What processes send to the collector would be a trace of its own each time: the route there makes none. */
const untraced = (namespace: string) =>
  resource(
    'networking.istio.io/v1alpha3',
    'EnvoyFilter',
    'telemetry-untraced',
    'telemetry on its way to the collector is no trace',
    {
      configPatches: Object.values(collectorPorts).map((port) => ({
        applyTo: 'HTTP_ROUTE',
        match: {
          context: 'SIDECAR_OUTBOUND',
          routeConfiguration: { vhost: { name: `${collectorHost}:${port}` } },
        },
        patch: {
          operation: 'MERGE',
          value: { tracing: { client_sampling: never, random_sampling: never, overall_sampling: never } },
        },
      })),
    },
    namespace,
  )
