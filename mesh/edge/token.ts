import { createPublicKey } from 'node:crypto'
import { type EdgeObject, kongConsumer, kongPlugin, object } from './kong.ts'

/** Set by the edge for its own count, removed before a request goes on. */
export const tokenKey = 'x-staffmesh-token'

/** The signature and the expiry of a token; issuer and audience are checked by the first sidecar. */
export const tokenCheck = kongPlugin(
  'edge-token',
  'jwt',
  {
    key_claim_name: 'kid',
    header_names: ['authorization'],
    // A token in an address would stand in logs and histories.
    uri_param_names: [],
    cookie_names: [],
    claims_to_verify: ['exp'],
    run_on_preflight: true,
    realm: 'staffmesh',
  },
  'every operation of an application service demands a valid token',
)

/**
 * What a token is counted by: its signed part. Of the header as a whole one token has as many spellings as there are
 * spaces after `Bearer`, each with a quota of its own. It runs before the token is checked, and what fails that check
 * is never counted.
 */
export const tokenKeyFunction = kongPlugin(
  'edge-token-key',
  'pre-function',
  {
    access: [
      [
        'local sent = kong.request.get_header("authorization") or ""',
        'local signed = string.match(sent, "^%s*[Bb]earer%s+([%w_-]+%.[%w_-]+)%.[%w_-]+$")',
        `kong.service.request.set_header("${tokenKey}", signed or "none")`,
      ].join('\n'),
    ],
  },
  'limits.perToken counts a token however its header is spelt',
)

interface SigningKey {
  kid: string
  kty: string
  n: string
  e: string
}

/**
 * The consumer that all valid tokens belong to, with one credential per signing key. The key rotation adds and removes
 * credentials by the same rendering, and changes them together with the keys that the sidecars check with.
 */
export function signingKeys(jwks: string): EdgeObject[] {
  const { keys } = JSON.parse(jwks) as { keys: SigningKey[] }
  const names = keys.map(({ kid }) => credentialName(kid))
  return [
    ...keys.map((key, index) =>
      object(
        'v1',
        'Secret',
        names[index]!,
        `the public key ${key.kid} of identity's JWKS`,
        {
          type: 'Opaque',
          stringData: {
            algorithm: 'RS256',
            key: key.kid,
            rsa_public_key: String(
              createPublicKey({ key: { ...key }, format: 'jwk' }).export({ type: 'spki', format: 'pem' }),
            ),
          },
        },
        { labels: { 'konghq.com/credential': 'jwt' } },
      ),
    ),
    // After its credentials: Kong's webhook refuses a consumer whose Secrets are not there.
    kongConsumer('edge-users', names, 'whoever shows a token that identity has signed'),
  ]
}

/** The name of an object takes no capitals, of which a key's thumbprint has many. */
const credentialName = (kid: string) => `edge-key-${Buffer.from(kid).toString('hex').slice(0, 32)}`
