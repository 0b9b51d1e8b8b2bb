import { type Environment, required } from '#kit/config.ts'
import { oidcPath } from '../service.ts'

export interface RotationConfig {
  namespace: string
  /** Tells this Job from others; the same in each pod that works for it. */
  job: string
  /** `iss` of all tokens. */
  issuer: string
  /** The Secret with the signing keys. */
  secret: string
  /** The Deployments whose pods sign. */
  deployments: readonly string[]
  /** Services whose sidecars check tokens, each with a RequestAuthentication of its name. */
  services: readonly string[]
  edge: {
    /** Its address inside the cluster, without a path. */
    url: string
    /** What it is called outside. */
    host: string
    /** The file with its certificate, where it speaks TLS. */
    certificate?: string
    /** A path that demands a token. */
    path: string
    /** The Secrets with its credentials, one a key; none where it reads identity's JWKS. */
    credentials: readonly string[]
  }
}

export function readRotationConfig(env: Environment = process.env): RotationConfig {
  const publicUrl = new URL(required(env, 'PUBLIC_URL'))
  return {
    namespace: required(env, 'NAMESPACE'),
    job: required(env, 'JOB'),
    issuer: publicUrl.origin + oidcPath,
    secret: required(env, 'SIGNING_KEYS_SECRET'),
    deployments: required(env, 'DEPLOYMENTS').split(','),
    services: required(env, 'SERVICES').split(','),
    edge: {
      url: required(env, 'EDGE_URL'),
      host: publicUrl.host,
      ...(env.EDGE_CERTIFICATE ? { certificate: env.EDGE_CERTIFICATE } : {}),
      path: required(env, 'EDGE_PROBE_PATH'),
      credentials: env.EDGE_CREDENTIALS?.split(',') ?? [],
    },
  }
}
