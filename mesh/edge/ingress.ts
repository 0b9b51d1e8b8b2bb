import { because, dnsNameOf, namespaces, type Resource, resource } from '../resource.ts'
import { type EdgeObject, ingressClass } from './kong.ts'
import type { EdgeRoute } from './routes.ts'

export interface EdgeOptions {
  /** The host name that clients ask for. */
  host: string
  /** The Secret with the certificate; without it the edge speaks plain HTTP, as local clusters do. */
  tls?: { secret: string }
  /** Origins whose pages may call. */
  origins: readonly string[]
  /** The public keys of identity. */
  jwks: string
}

/** Why a route demands no token, for who reviews what is open to everybody. */
export const open = 'staffmesh.dev/open'

/**
 * One Ingress a route. Not HTTPRoutes: of Ingresses that lead to one Service Kong makes one service, so that a token's
 * requests to it are counted together; of HTTPRoutes it makes several (Kong Ingress Controller 3.5).
 * https://developer.konghq.com/kubernetes-ingress-controller/reference/annotations/
 */
export function ingress(
  route: Pick<EdgeRoute, 'name' | 'service' | 'methods' | 'because' | 'open'>,
  path: { path: string; pathType: string },
  plugins: readonly string[],
  { host, tls }: EdgeOptions,
  annotations: Record<string, string> = {},
): EdgeObject {
  const { apiVersion, kind, metadata, spec }: Resource = resource(
    'networking.k8s.io/v1',
    'Ingress',
    route.name,
    route.because,
    {
      ingressClassName: ingressClass,
      ...(tls ? { tls: [{ hosts: [host], secretName: tls.secret }] } : {}),
      rules: [
        {
          host,
          http: {
            paths: [{ ...path, backend: { service: { name: route.service, port: { name: 'http-api' } } } }],
          },
        },
      ],
    },
  )
  return {
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      annotations: {
        [because]: route.because,
        ...(route.open ? { [open]: route.open } : {}),
        'konghq.com/methods': route.methods.join(','),
        'konghq.com/plugins': plugins.join(','),
        'konghq.com/strip-path': 'false',
        // The mesh finds its policies by the service's own host name, see `serviceAnnotations`.
        'konghq.com/preserve-host': 'false',
        ...(tls
          ? { 'konghq.com/protocols': 'https', 'konghq.com/https-redirect-status-code': '308' }
          : { 'konghq.com/protocols': 'http' }),
        ...annotations,
      },
    },
    fields: { spec },
  }
}

/** The whole path as a regular expression: `/~` is how Kong is told so. */
export const pathOf = (path: string) => ({
  path: `/~${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`,
  pathType: 'ImplementationSpecific',
})

/**
 * Where two paths match the same request (`/imports/{id}` and `/imports/latest`), the one whose segment is spelt out
 * wins: a bit a segment, the first one weighs most.
 */
export const priorityOf = (path: string) =>
  path
    .slice(1)
    .split('/')
    .reduce((sum, segment) => sum * 2 + (segment.startsWith('{') ? 0 : 1), 1)

/** Milliseconds that a service has, after its own deadline, to say that it has passed. */
const slack = 2000

/**
 * Of the Service that routes lead to: one address instead of pods, and its own host name, so that the sidecar balances,
 * retries and checks; Kong itself tries once.
 */
export const serviceAnnotations = (service: string, longest: number, plugins: readonly string[]) => ({
  'ingress.kubernetes.io/service-upstream': 'true',
  'konghq.com/host-header': dnsNameOf(service, namespaces.services),
  'konghq.com/retries': '0',
  'konghq.com/connect-timeout': '2000',
  'konghq.com/read-timeout': String(longest + slack),
  'konghq.com/write-timeout': String(longest + slack),
  ...(plugins.length > 0 ? { 'konghq.com/plugins': plugins.join(',') } : {}),
})
