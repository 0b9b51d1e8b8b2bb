import type { Service } from '#kit/service.ts'
import { edge } from '../graph.ts'
import { adminSecrets } from './certificate.ts'
import { ingressClass } from './kong.ts'
import { controller } from './kong-network.ts'
import { edgeRoutes } from './routes.ts'

/** The version of chart kong/ingress that the values were written for, and the images. */
export const kongChart = '0.24.0'
const versions = { kong: '3.9', controller: '3.5' }

export interface KongValues {
  replicas: { min: number; max: number }
  /** Port of the nodes for plain HTTP, where the cluster has no load balancer. */
  nodePort?: number
}

/** Values for Kong's official Helm chart: https://github.com/Kong/charts/tree/main/charts/ingress */
export function kongValues(services: readonly Service[], { replicas, nodePort }: KongValues, https: boolean) {
  const largest = Math.max(...edgeRoutes(services).map((route) => route.maxBody))
  return {
    controller: {
      podLabels: { 'app.kubernetes.io/part-of': controller },
      ingressController: {
        image: { tag: versions.controller },
        ingressClass,
        adminApi: {
          tls: {
            client: {
              enabled: true,
              certProvided: true,
              secretName: adminSecrets.client,
              caSecretName: adminSecrets.authority,
            },
          },
        },
        rbac: { gatewayAPI: { enabled: false } },
      },
    },
    gateway: {
      image: { tag: versions.kong },
      // The identity that the policies of services name as their only caller from outside.
      deployment: { serviceAccount: { create: true, name: edge } },
      podLabels: { 'app.kubernetes.io/part-of': edge },
      podAnnotations: {
        // Clients have no identity in the mesh, and behind a sidecar all of them would have its address.
        'traffic.sidecar.istio.io/includeInboundPorts': '',
      },
      autoscaling: { enabled: true, minReplicas: replicas.min, maxReplicas: replicas.max },
      // With a single one no node could be drained.
      podDisruptionBudget: { enabled: replicas.min > 1, maxUnavailable: 1 },
      resources: { requests: { cpu: '200m', memory: '256Mi' }, limits: { memory: '1Gi' } },
      manager: { enabled: false },
      admin: { tls: { client: { secretName: adminSecrets.authority } } },
      proxy: {
        type: nodePort ? 'NodePort' : 'LoadBalancer',
        // Keeps the addresses of clients.
        externalTrafficPolicy: 'Local',
        http: { enabled: true, ...(nodePort ? { nodePort } : {}) },
        tls: { enabled: https },
      },
      env: {
        // The one that knows `regex-priority`.
        router_flavor: 'traditional',
        // No proxy in front is believed: the last entry of X-Forwarded-For, by which limits count, is the address that
        // Kong sees. With one in front that were the proxy's.
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
