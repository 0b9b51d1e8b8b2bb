import { audiences, identityHeaders } from '#kit/caller.ts'
import type { Graph } from './graph.ts'
import { type Resource, resource, selects } from './resource.ts'

/** What the sidecars must know of the token issuer. */
export interface Issuer {
  /** The `iss` claim, `https://<domain>/oidc`. */
  url: string
  /**
   * The public keys, inline: istiod would fetch them in plaintext, which strict mTLS refuses, and refreshes slowly.
   * From then on the key rotation keeps them current.
   */
  jwks: string
}

/** Schemes are the same in any case (RFC 9110, 11.1); Envoy compares letters, and clients write it in these two ways. */
const fromHeaders = ['Bearer ', 'bearer '].map((prefix) => ({ name: 'Authorization', prefix }))

/**
 * Every sidecar checks the token again and turns its claims into the headers that services read, over whatever a
 * header of that name said before. The token itself goes on to the next service.
 * https://istio.io/latest/docs/reference/config/security/jwt/
 */
export function authentication(graph: Graph, issuer: Issuer): Resource[] {
  if (/"d"\s*:/.test(issuer.jwks))
    throw new Error('The JWKS holds private keys, which would stand in the manifests: give the public ones')
  // Spelt as the key rotation spells it, so that what it has written and what is applied are the same.
  const jwks = JSON.stringify(JSON.parse(issuer.jwks))
  return graph.services.map((service) => {
    const jobs = Object.values(service.contract.operations).some((op) => op.access.includes('job'))
    return resource(
      'security.istio.io/v1',
      'RequestAuthentication',
      service.name,
      `who calls ${service.name} is told by a token of ${issuer.url}; audiences by the access of its operations`,
      {
        selector: selects(service.name),
        jwtRules: [
          {
            issuer: issuer.url,
            audiences: jobs ? [audiences.user, audiences.job] : [audiences.user],
            jwks,
            fromHeaders,
            forwardOriginalToken: true,
            outputClaimToHeaders: Object.entries(identityHeaders).map(([claim, header]) => ({
              header,
              claim,
            })),
          },
        ],
      },
    )
  })
}
