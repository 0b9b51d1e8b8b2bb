import { randomBytes } from 'node:crypto'
import type { Service } from '#kit/service.ts'
import { type Environment, instanceOf } from '../../cdk8s/environments.ts'
import { databaseSecret, superuserSecret } from '../../charts/connections.ts'
import { filesSecret } from '../../charts/service.ts'
import { signingKey } from '../../local/secrets.ts'
import { namespaces } from '../../mesh/resource.ts'

/** Asks the API server: kubectl's arguments, and what it reads. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<string>

interface Secret {
  name: string
  namespace: string
  values: Readonly<Record<string, string>>
}

/** Makes the Secrets that docs/deploy.md names, where they are not there; nothing of them stays outside the cluster. */
export async function makeSecrets(
  kubectl: Kubectl,
  services: readonly Service[],
  environment: Environment,
): Promise<void> {
  const password = () => randomBytes(24).toString('hex')
  const databases = services
    .filter(({ database }) => database)
    .flatMap(({ name }): Secret[] => {
      const values = { app: password(), owner: password(), worker: password() }
      return [namespaces.services, namespaces.databases].map((namespace) => ({
        name: databaseSecret(name),
        namespace,
        values,
      }))
    })
  const superusers = [...new Set(services.map(({ name }) => instanceOf(environment, name)))].map(
    (instance) => ({
      name: superuserSecret(instance),
      namespace: namespaces.databases,
      values: { password: password() },
    }),
  )
  const files = await Promise.all(
    services
      .filter(({ secrets }) => Object.keys(secrets).length > 0)
      .map(async ({ name, secrets }) => ({
        name: filesSecret(name),
        namespace: namespaces.services,
        values: Object.fromEntries(
          await Promise.all(Object.keys(secrets).map(async (key) => [key, await fileOf(key)] as const)),
        ),
      })),
  )
  const there = new Set(
    (
      await kubectl([
        'get',
        'secrets',
        '--all-namespaces',
        '--output',
        'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\\n"}{end}',
      ])
    ).split('\n'),
  )
  const items = [...databases, ...superusers, ...files]
    .filter(({ namespace, name }) => !there.has(`${namespace}/${name}`))
    .map(({ name, namespace, values }) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace },
      stringData: values,
    }))
  if (items.length > 0)
    await kubectl(['create', '--filename', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
}

const signingKeys = 'signing-keys.json'

async function fileOf(key: string): Promise<string> {
  if (key === signingKeys) return JSON.stringify({ keys: [await signingKey(), await signingKey()] })
  if (key === 'cookie-keys.json') return JSON.stringify([randomBytes(32).toString('base64url')])
  throw new Error(`A service declares the file ${key}: say here how it is made`)
}

/**
 * The public keys that are valid in this cluster now, as a JWKS: those that the proxies know, since a rotation may be
 * under way; before there are any, the public halves of those that are to sign.
 */
export async function publicSigningKeys(kubectl: Kubectl, services: readonly Service[]): Promise<string> {
  const signer = services.find(({ secrets }) => signingKeys in secrets)!
  const inServices = ['--namespace', namespaces.services, '--ignore-not-found', '--output']
  const known = await kubectl([
    ...['get', 'requestauthentications.security.istio.io', signer.name],
    ...inServices,
    'jsonpath={.spec.jwtRules[0].jwks}',
  ])
  if (known) return known
  const secret = JSON.parse(
    await kubectl(['get', 'secret', filesSecret(signer.name), ...inServices, 'json']),
  ) as {
    data: Record<string, string>
  }
  const { keys } = JSON.parse(Buffer.from(secret.data[signingKeys]!, 'base64').toString()) as {
    keys: Record<string, string>[]
  }
  return JSON.stringify({
    keys: keys.map(({ kty, kid, use, alg, n, e }) => ({ kty, kid, use, alg, n, e })),
  })
}
