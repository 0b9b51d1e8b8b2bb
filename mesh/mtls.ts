import { namespaces, type Resource, resource } from './resource.ts'

/**
 * Every connection between workloads is mutual TLS, and nobody may call anybody until a policy says so.
 * https://istio.io/latest/docs/ops/best-practices/security/#use-default-deny-patterns
 */
export function mtls(): Resource[] {
  return Object.values(namespaces).flatMap((namespace) => [
    resource(
      'security.istio.io/v1',
      'PeerAuthentication',
      'default',
      'every connection is mutual TLS',
      { mtls: { mode: 'STRICT' } },
      namespace,
    ),
    resource(
      'security.istio.io/v1',
      'AuthorizationPolicy',
      'deny-all',
      'nobody may call anybody until a policy says so: an ALLOW policy without rules matches nothing',
      { action: 'ALLOW' },
      namespace,
    ),
  ])
}
