import { ApiObject, Chart, JsonPatch } from 'cdk8s'
import { k8s } from 'cdk8s-plus-34'
import type { Construct } from 'constructs'
import { labelsOf } from '../cdk8s/constructs/labels.ts'
import { restrictedContainer, restrictedPod } from '../cdk8s/constructs/restricted.ts'
import { rollingUpdate } from '../cdk8s/constructs/rolling-update.ts'
import { telemetryVariables } from '../cdk8s/constructs/telemetry.ts'
import { type Environment, imageOf, publicUrlOf, versionOf } from '../cdk8s/environments.ts'
import type { EdgeObject } from '../mesh/edge/kong.ts'
import { edge } from '../mesh/graph.ts'
import { dnsNameOf, namespaces, servicePort } from '../mesh/resource.ts'

/** What Kong is told of one concern; Kong itself comes by its own Helm chart. */
export class KongChart extends Chart {
  constructor(scope: Construct, id: string, objects: readonly EdgeObject[]) {
    super(scope, id, { disableResourceNameHashes: true })
    for (const { apiVersion, kind, metadata, fields } of objects)
      new ApiObject(this, `${kind}-${metadata.name}`, { apiVersion, kind, metadata }).addJsonPatch(
        ...Object.entries(fields).map(([field, value]) => JsonPatch.add(`/${field}`, value)),
      )
  }
}

/** Seconds, as in charts/service.ts. */
const drain = { pause: 5, grace: 25 }

/** services/edge, where Kong cannot be had; its identity in the mesh is the same. */
export class StandInChart extends Chart {
  constructor(scope: Construct, id: string, environment: Environment, callees: readonly string[]) {
    super(scope, id, { namespace: namespaces.edge, disableResourceNameHashes: true })
    const labels = labelsOf(edge)
    const selector = { 'app.kubernetes.io/name': edge }
    const port = k8s.IntOrString.fromString('http-edge')
    const probe = (path: string) => ({ httpGet: { path, port }, timeoutSeconds: 2 })
    new k8s.KubeServiceAccount(this, 'account', {
      metadata: { name: edge },
      automountServiceAccountToken: false,
    })
    new k8s.KubeService(this, 'service', {
      metadata: { name: edge, labels },
      spec: {
        type: 'LoadBalancer',
        // Keeps the addresses of clients.
        externalTrafficPolicy: 'Local',
        selector,
        ports: [{ name: 'http-edge', port: 80, targetPort: port, appProtocol: 'http' }],
      },
    })
    new k8s.KubeDeployment(this, 'server', {
      metadata: { name: edge, labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: selector },
        strategy: rollingUpdate,
        template: {
          metadata: {
            labels,
            annotations: {
              // Clients have no identity in the mesh, and behind a sidecar all of them would have its address. Mutual
              // TLS stays strict for all that the sidecar lets in, which here is nothing.
              'traffic.sidecar.istio.io/excludeInboundPorts': String(servicePort),
            },
          },
          spec: {
            ...restrictedPod,
            serviceAccountName: edge,
            terminationGracePeriodSeconds: drain.pause + drain.grace,
            containers: [
              {
                ...restrictedContainer,
                name: edge,
                image: imageOf(environment, edge),
                ports: [{ name: 'http-edge', containerPort: servicePort }],
                env: [
                  ...Object.entries(standInEnvironment(environment, callees)).map(([name, value]) => ({
                    name,
                    value,
                  })),
                  ...telemetryVariables({
                    namespace: namespaces.edge,
                    deployment: edge,
                    container: edge,
                    version: versionOf(environment, edge),
                  }),
                ],
                resources: {
                  requests: {
                    cpu: k8s.Quantity.fromString('100m'),
                    memory: k8s.Quantity.fromString('128Mi'),
                  },
                  limits: { memory: k8s.Quantity.fromString('256Mi') },
                },
                startupProbe: { ...probe('/startupz'), periodSeconds: 1, failureThreshold: 300 },
                readinessProbe: { ...probe('/readyz'), periodSeconds: 2, failureThreshold: 1 },
                livenessProbe: { ...probe('/livez'), periodSeconds: 10, failureThreshold: 3 },
                volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
              },
            ],
            volumes: [{ name: 'tmp', emptyDir: { sizeLimit: k8s.Quantity.fromString('16Mi') } }],
          },
        },
      },
    })
  }
}

/** See services/edge/README.md. */
function standInEnvironment(environment: Environment, callees: readonly string[]): Record<string, string> {
  return {
    PORT: String(servicePort),
    EDGE_HOST: '0.0.0.0',
    PUBLIC_URL: publicUrlOf(environment),
    // Nobody in front of it says who the client is: it is the address of the socket.
    TRUSTED_PROXIES: '0',
    CORS_ORIGINS: (environment.corsOrigins ?? []).join(','),
    DRAIN_PAUSE_MS: String(drain.pause * 1000),
    SHUTDOWN_GRACE_MS: String(drain.grace * 1000),
    ...Object.fromEntries(
      callees.map((name) => [`${name.toUpperCase()}_URL`, `http://${dnsNameOf(name, namespaces.services)}`]),
    ),
  }
}
