import type { Chart } from 'cdk8s'
import { k8s } from 'cdk8s-plus-34'
import { restrictedContainer } from '../cdk8s/constructs/restricted.ts'
import { workload } from '../cdk8s/constructs/workload.ts'
import { traceQueryPort, traceStore, traceStorePort } from '../mesh/monitoring.ts'

/** For probes only. */
const adminPort = 14269

/** https://www.jaegertracing.io/docs/1.76/deployment/cli/#jaeger-all-in-one-memory */
const settings = {
  'collector.otlp.http.host-port': `:${traceStorePort}`,
  // What nobody uses is for who is in the pod.
  'collector.otlp.grpc.host-port': '127.0.0.1:4317',
  'collector.http-server.host-port': '127.0.0.1:14268',
  'collector.grpc-server.host-port': '127.0.0.1:14250',
  'query.grpc-server.host-port': '127.0.0.1:16685',
  // As kubectl port-forward comes.
  'query.http-server.host-port': `127.0.0.1:${traceQueryPort}`,
  'admin.http.host-port': `:${adminPort}`,
  // The oldest go first.
  'memory.max-traces': '5000',
}

/** Jaeger, which keeps traces in memory for who looks at them soon. */
export function jaeger(chart: Chart, image: string): void {
  const port = k8s.IntOrString.fromString('http-admin')
  const healthy = { httpGet: { path: '/', port }, timeoutSeconds: 2 }
  workload(chart, traceStore.name, [{ name: 'http-otlp', port: traceStorePort, appProtocol: 'http' }], {
    replicas: 1,
    container: {
      ...restrictedContainer,
      name: traceStore.name,
      image,
      args: Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
      env: [
        { name: 'GOMEMLIMIT', value: '320MiB' },
        { name: 'SPAN_STORAGE_TYPE', value: 'memory' },
        // Of itself it tells nothing.
        { name: 'OTEL_TRACES_SAMPLER', value: 'always_off' },
      ],
      ports: [
        { name: 'http-otlp', containerPort: traceStorePort },
        { name: 'http-admin', containerPort: adminPort },
      ],
      resources: {
        requests: { cpu: k8s.Quantity.fromString('20m'), memory: k8s.Quantity.fromString('64Mi') },
        limits: { memory: k8s.Quantity.fromString('512Mi') },
      },
      startupProbe: { ...healthy, periodSeconds: 1, failureThreshold: 60 },
      readinessProbe: { ...healthy, periodSeconds: 2, failureThreshold: 1 },
      livenessProbe: { ...healthy, periodSeconds: 10, failureThreshold: 3 },
    },
    volumes: [],
  })
}
