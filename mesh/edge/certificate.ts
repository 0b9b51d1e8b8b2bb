import { namespaces } from '../resource.ts'
import { type EdgeObject, object } from './kong.ts'

/**
 * How the edge gets its certificate: from an issuer of cert-manager that proves the domain by DNS (a solver by HTTP would
 * be a stranger among the services, whom no policy lets in), or from a Secret that stands there.
 */
export type Tls = { clusterIssuer: string } | { secret: string }

/** The Secret of type kubernetes.io/tls in the namespace of the routes. */
export const tlsSecretOf = (tls: Tls) => ('secret' in tls ? tls.secret : 'edge-tls')

/** Secrets by which Kong knows its controller; they stand there before Kong is installed, see mesh/README.md. */
export const adminSecrets = { authority: 'kong-admin-client-ca', client: 'kong-admin-client' }

/** What the Certificate of the public host is called, beside the routes; those of Kong's administration stand beside Kong. */
const edgeCertificate = 'edge'

/** All Certificates that cert-manager is asked for. */
export const certificateNames: readonly string[] = [edgeCertificate, ...Object.values(adminSecrets)]

/** What cert-manager is asked for, where it is. https://cert-manager.io/docs/reference/api-docs/ */
export function certificates(tls: Tls, host: string): EdgeObject[] {
  if ('secret' in tls) return []
  return [
    certificate(edgeCertificate, 'tls in cdk8s/environments.ts', {
      secretName: tlsSecretOf(tls),
      dnsNames: [host],
      issuerRef: issuer('ClusterIssuer', tls.clusterIssuer),
    }),
    ...adminCertificates(),
  ]
}

/** An authority for one client: whoever else reaches Kong's administration is not let in. */
function adminCertificates(): EdgeObject[] {
  const reason = 'only its controller may configure Kong'
  const inEdge = { namespace: namespaces.edge }
  const issuerObject = (name: string, spec: Record<string, unknown>) =>
    object('cert-manager.io/v1', 'Issuer', name, reason, { spec }, inEdge)
  return [
    issuerObject('kong-admin-self-signed', { selfSigned: {} }),
    certificate(
      adminSecrets.authority,
      reason,
      {
        secretName: adminSecrets.authority,
        commonName: adminSecrets.authority,
        isCA: true,
        // Kong reads it when it is installed or upgraded.
        duration: '87600h',
        issuerRef: issuer('Issuer', 'kong-admin-self-signed'),
      },
      inEdge,
    ),
    issuerObject('kong-admin', { ca: { secretName: adminSecrets.authority } }),
    certificate(
      adminSecrets.client,
      reason,
      {
        secretName: adminSecrets.client,
        commonName: 'kong-ingress-controller',
        usages: ['client auth'],
        issuerRef: issuer('Issuer', 'kong-admin'),
      },
      inEdge,
    ),
  ]
}

const issuer = (kind: 'Issuer' | 'ClusterIssuer', name: string) => ({ group: 'cert-manager.io', kind, name })

const certificate = (
  name: string,
  reason: string,
  spec: Record<string, unknown>,
  metadata: { namespace?: string } = {},
) =>
  object(
    'cert-manager.io/v1',
    'Certificate',
    name,
    reason,
    { spec: { privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' }, ...spec } },
    metadata,
  )
