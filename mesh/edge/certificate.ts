import { type EdgeObject, object } from './kong.ts'

/** How the edge gets its certificate: from an issuer of cert-manager, or from a Secret that stands there. */
export type Tls = { clusterIssuer: string } | { secret: string }

/** The Secret of type kubernetes.io/tls in the namespace of the routes. */
export const tlsSecretOf = (tls: Tls) => ('secret' in tls ? tls.secret : 'edge-tls')

/** https://cert-manager.io/docs/reference/api-docs/#cert-manager.io/v1.Certificate */
export const certificate = (tls: Tls, host: string): EdgeObject[] =>
  'secret' in tls
    ? []
    : [
        object('cert-manager.io/v1', 'Certificate', 'edge', 'tls in cdk8s/environments.ts', {
          spec: {
            secretName: tlsSecretOf(tls),
            dnsNames: [host],
            privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' },
            issuerRef: { group: 'cert-manager.io', kind: 'ClusterIssuer', name: tls.clusterIssuer },
          },
        }),
      ]
