import type { Service } from '#kit/service.ts'
import { edge } from '../graph.ts'
import { ingressClass } from './kong.ts'
import { controller, kongPorts } from './kong-network.ts'
import { edgeRoutes } from './routes.ts'

/** The release that the values are written for: `helm install kong kong/ingress --version …`. */
export const kongRelease = { chart: 'kong/ingress', version: '0.24.0', kong: '3.9', controller: '3.5' }

export interface KongValues {
  replicas: { min: number; max: number }
  /** How clients reach it. */
  service: 'LoadBalancer' | 'NodePort'
}

/** Values for Kong's official Helm chart: https://github.com/Kong/charts/tree/main/charts/ingress */
export function kongValues(services: readonly Service[], { replicas, service }: KongValues, https: boolean) {
  const adminClientCa = 'kong-admin-client-ca'
  const largest = Math.max(...edgeRoutes(services).map((route) => route.maxBody))
  return {
    controller: {
      podLabels: { 'app.kubernetes.io/part-of': controller },
      podAnnotations: {
        // Called by the API server, which has no identity in the mesh.
        'traffic.sidecar.istio.io/excludeInboundPorts': String(kongPorts.webhook),
        // Mutual TLS of its own leads to Kong.
        'traffic.sidecar.istio.io/excludeOutboundPorts': String(kongPorts.admin),
      },
      ingressController: {
        image: { tag: kongRelease.controller },
        ingressClass,
        adminApi: { tls: { client: { enabled: true, caSecretName: adminClientCa } } },
        // A route or plugin that Kong would not understand must not get into the cluster.
        admissionWebhook: { failurePolicy: 'Fail' },
        rbac: { gatewayAPI: { enabled: false } },
      },
    },
    gateway: {
      image: { tag: kongRelease.kong },
      // The identity that the policies of services name as their only caller from outside.
      deployment: { serviceAccount: { create: true, name: edge } },
      podLabels: { 'app.kubernetes.io/part-of': edge },
      podAnnotations: {
        // Clients have no identity in the mesh, and behind a sidecar all of them would have its address.
        'traffic.sidecar.istio.io/includeInboundPorts': '',
      },
      autoscaling: { enabled: true, minReplicas: replicas.min, maxReplicas: replicas.max },
      podDisruptionBudget: { enabled: true, maxUnavailable: 1 },
      resources: { requests: { cpu: '200m', memory: '256Mi' }, limits: { memory: '1Gi' } },
      admin: { tls: { client: { secretName: adminClientCa } } },
      proxy: {
        type: service,
        // Keeps the addresses of clients.
        externalTrafficPolicy: 'Local',
        http: { enabled: true },
        tls: { enabled: https },
      },
      env: {
        // No proxy in front is believed: X-Real-IP is the address that Kong sees.
        headers: 'off',
        anonymous_reports: 'off',
        // Each route has its own bound; this one is for what is read before the route is known.
        nginx_http_client_max_body_size: String(largest),
        // Neither addresses with their queries nor people's network addresses are kept; sidecars log operations.
        proxy_access_log: 'off',
      },
    },
  }
}
