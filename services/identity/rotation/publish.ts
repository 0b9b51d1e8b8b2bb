import { createPublicKey } from 'node:crypto'
import { publicKeys, type SigningKeys } from '../keys.ts'
import { Changed, type Cluster, type KubernetesObject } from './cluster.ts'
import type { RotationConfig } from './config.ts'

type PublicKey = ReturnType<typeof publicKeys>['keys'][number]

interface RequestAuthentication extends KubernetesObject {
  spec: { jwtRules: { jwks: string }[] }
}

/** A credential of Kong's; values are base64. */
interface Credential extends KubernetesObject {
  data: { key: string; rsa_public_key: string }
}

/**
 * Makes the keys, and no others, known to every sidecar and to the edge. A key keeps its place for as long as it lives:
 * the edge has a Secret for each place, and a credential that moves would be there twice for a moment.
 */
export async function publish(cluster: Cluster, config: RotationConfig, signing: SigningKeys): Promise<void> {
  const { keys } = publicKeys(signing)
  const credentials = await Promise.all(
    config.edge.credentials.map((name) => cluster.get<Credential>(secret(config, name))),
  )
  if (credentials.length > 0 && credentials.length !== keys.length)
    throw new Error(
      `${keys.length} signing keys for the ${credentials.length} credentials of the edge: keep the current and the next`,
    )
  const rules = await Promise.all(
    config.services.map((name) => cluster.get<RequestAuthentication>(authentication(config, name))),
  )
  const known =
    credentials.length > 0
      ? credentials.map(({ data }) => textOf(data.key))
      : (JSON.parse(rules[0]!.spec.jwtRules[0]!.jwks) as { keys: PublicKey[] }).keys.map(({ kid }) => kid)
  const placed = places(known, keys)
  const jwks = JSON.stringify({ keys: placed })
  try {
    for (const rule of rules) await publishTo(cluster, config, rule, jwks)
    for (const [index, credential] of credentials.entries())
      await replaceCredential(cluster, config, credential, placed[index]!)
  } catch (error) {
    // E.g. a release was applied at the same moment.
    if (!(error instanceof Changed)) throw error
    await publish(cluster, config, signing)
  }
}

/** Keys that are known stay where they are; the others take the places that become free, or follow. */
export function places(known: readonly string[], keys: readonly PublicKey[]): PublicKey[] {
  const others = keys.filter(({ kid }) => !known.includes(kid))
  const kept = known.map((kid) => keys.find((key) => key.kid === kid) ?? others.shift())
  return [...kept, ...others].filter((key) => key !== undefined)
}

async function publishTo(
  cluster: Cluster,
  config: RotationConfig,
  { metadata, spec }: RequestAuthentication,
  jwks: string,
): Promise<void> {
  if (spec.jwtRules.every((rule) => rule.jwks === jwks)) return
  await cluster.patch(authentication(config, metadata.name), {
    metadata: { resourceVersion: metadata.resourceVersion },
    spec: { jwtRules: spec.jwtRules.map((rule) => ({ ...rule, jwks })) },
  })
}

async function replaceCredential(
  cluster: Cluster,
  config: RotationConfig,
  { metadata, data }: Credential,
  key: PublicKey,
): Promise<void> {
  const pem = createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const wanted = { key: base64(key.kid), rsa_public_key: base64(String(pem)) }
  if (data.key === wanted.key && data.rsa_public_key === wanted.rsa_public_key) return
  await cluster.patch(secret(config, metadata.name), {
    metadata: { resourceVersion: metadata.resourceVersion },
    data: wanted,
  })
}

const secret = ({ namespace }: RotationConfig, name: string) =>
  `/api/v1/namespaces/${namespace}/secrets/${name}`
const authentication = ({ namespace }: RotationConfig, name: string) =>
  `/apis/security.istio.io/v1/namespaces/${namespace}/requestauthentications/${name}`

const base64 = (text: string) => Buffer.from(text).toString('base64')
const textOf = (base64: string) => Buffer.from(base64, 'base64').toString()
