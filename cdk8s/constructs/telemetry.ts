import type { k8s } from 'cdk8s-plus-34'
import type { resourceAttributes } from '#kit/telemetry.ts'
import { collector, collectorPorts } from '../../mesh/egress.ts'
import { dnsNameOf, product } from '../../mesh/resource.ts'

export interface Sender {
  namespace: string
  deployment: string
  container: string
  /** Its image, without the registry. */
  version: string
}

/** Those that the process does not know itself. */
type Told = Exclude<keyof typeof resourceAttributes, 'service.name' | `telemetry.${string}`>

/**
 * Where a process sends its telemetry, and what that says of who sent it.
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 * https://opentelemetry.io/docs/specs/semconv/resource/k8s/
 */
export function telemetryVariables({ namespace, deployment, container, version }: Sender): k8s.EnvVar[] {
  const pod = '$(POD_NAME)'
  const resource: Record<Told, string> = {
    'service.namespace': product,
    'service.version': version,
    'service.instance.id': `${namespace}.${pod}.${container}`,
    'k8s.namespace.name': namespace,
    'k8s.deployment.name': deployment,
    'k8s.pod.name': pod,
    'k8s.container.name': container,
  }
  const settings = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://${dnsNameOf(collector.name, collector.namespace)}:${collectorPorts.http}`,
    // What is not taken within it is lost, so that a collector that is gone holds up no shutdown.
    OTEL_EXPORTER_OTLP_TIMEOUT: '5000',
    // As often as it is looked at.
    OTEL_METRIC_EXPORT_INTERVAL: '15000',
    OTEL_NODE_RESOURCE_DETECTORS: 'env',
    OTEL_RESOURCE_ATTRIBUTES: Object.entries(resource)
      .map((pair) => pair.join('='))
      .join(),
  }
  return [
    { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ...Object.entries(settings).map(([name, value]) => ({ name, value })),
  ]
}
