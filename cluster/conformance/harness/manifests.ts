import { isDeepStrictEqual } from 'node:util'
import { manifestsOf } from '../../../cdk8s/app.ts'
import type { Environment } from '../../../cdk8s/environments.ts'
import { namespaces } from '../../../mesh/resource.ts'
import { services } from '../../../services/index.ts'
import { apply, kubectl, list } from './kubernetes.ts'

type ApiObject = { apiVersion: string; kind: string; metadata: { name: string; namespace?: string } }

/** All objects of an environment, with the public keys of this cluster, as an upgrade renders them. */
export async function objectsOf(values: Environment): Promise<ApiObject[]> {
  const [rules] = await list('requestauthentications', namespaces.services)
  const manifests = await manifestsOf(services, values, rules!.spec.jwtRules[0].jwks)
  return [...manifests.values()].flat() as ApiObject[]
}

const keyOf = ({ kind, metadata }: ApiObject) => `${kind} ${metadata.namespace} ${metadata.name}`

/** Brings the cluster from some values of its environment to others: applies what differs, deletes what is gone. */
export async function upgrade(from: Environment, to: Environment): Promise<void> {
  const before = new Map((await objectsOf(from)).map((object) => [keyOf(object), object]))
  const after = await objectsOf(to)
  await apply(...after.filter((object) => !isDeepStrictEqual(before.get(keyOf(object)), object)))
  for (const object of after) before.delete(keyOf(object))
  for (const { kind, metadata } of before.values())
    await kubectl([
      ...['delete', kind, metadata.name, '--namespace', metadata.namespace!],
      '--ignore-not-found',
    ])
}
