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

/** The Secrets with the credentials of the current and the next key. */
export const credentialNames = ['edge-signing-key-0', 'edge-signing-key-1'] as const

/**
 * The consumer that all valid tokens belong to, with one credential per signing key. Their Secrets have fixed names: the
 * key rotation puts a new key in the place of an old one, and so needs no right to make or to delete any.
 */
export function signingKeys(jwks: string): EdgeObject[] {
  const { keys } = JSON.parse(jwks) as { keys: SigningKey[] }
  if (keys.length !== 0 && keys.length !== credentialNames.length)
    throw new Error(`The JWKS holds ${keys.length} keys: give those of identity, the current and the next`)
  return [
    ...keys.map((key, index) =>
      object(
        'v1',
        'Secret',
        credentialNames[index]!,
        "a public key of identity's JWKS; the key rotation replaces it",
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
    kongConsumer('edge-users', credentialNames, 'whoever shows a token that identity has signed'),
  ]
}
