import type { ApiObject } from '../mesh/checks.ts'
import { keyRotation } from '../mesh/key-rotation.ts'
import { podsIn } from './pods.ts'

interface Rule {
  apiGroups?: string[]
  resources?: string[]
  resourceNames?: string[]
  verbs?: string[]
}

interface Rights extends ApiObject {
  rules?: Rule[]
  subjects?: { kind: string; name: string }[]
  automountServiceAccountToken?: boolean
}

/** To list or to watch Secrets is to read them all; to make or to delete any cannot be bound to names. */
const harmless = ['get', 'patch']

/** The only one that may ask the API server for anything is the key rotation, for what it names one by one. */
export function rightsNarrow(objects: readonly ApiObject[]): string[] {
  return [
    ...podsIn(objects)
      .filter(
        ({ pod }) => pod.automountServiceAccountToken !== false && pod.serviceAccountName !== keyRotation,
      )
      .map(({ where }) => `${where}: has a token of the API server`),
    ...(objects as readonly Rights[]).flatMap((object) => {
      const where = `${object.kind} ${object.metadata.name}`
      if (object.kind === 'ClusterRole' || object.kind === 'ClusterRoleBinding')
        return [`${where}: gives rights on the whole cluster`]
      if (object.kind === 'ServiceAccount' && object.automountServiceAccountToken !== false)
        return [`${where}: gives its token to every pod; let the pod ask for it`]
      if (object.kind === 'RoleBinding')
        return (object.subjects ?? [])
          .filter(({ kind, name }) => kind !== 'ServiceAccount' || name !== keyRotation)
          .map(({ kind, name }) => `${where}: gives rights to ${kind} ${name}`)
      return object.kind === 'Role'
        ? (object.rules ?? []).flatMap((rule) => tooMuch(where, rule, objects))
        : []
    }),
  ]
}

function tooMuch(where: string, rule: Rule, objects: readonly ApiObject[]): string[] {
  const { apiGroups = [], resources = [], resourceNames = [], verbs = [] } = rule
  const what = resources.join()
  return [
    ...([...apiGroups, ...resources, ...verbs].includes('*') ? [`${where}: has a wildcard`] : []),
    ...(resourceNames.length === 0 ? [`${where}: may reach all ${what}; name them in resourceNames`] : []),
    ...verbs.filter((verb) => !harmless.includes(verb)).map((verb) => `${where}: may ${verb} ${what}`),
    ...resourceNames
      .filter((name) => !isThere(name, resources, objects))
      .map((name) => `${where}: may reach ${what} ${name}, which nobody has`),
  ]
}

/** Among the objects, or a Secret that a pod or Kong's consumer reads. */
const isThere = (name: string, resources: readonly string[], objects: readonly ApiObject[]) =>
  resources.includes('secrets')
    ? podsIn(objects).some(({ pod }) => pod.volumes?.some(({ secret }) => secret?.secretName === name)) ||
      objects.some((object) => (object as { credentials?: string[] }).credentials?.includes(name))
    : objects.some(
        ({ kind, metadata }) => metadata.name === name && resources.includes(`${kind.toLowerCase()}s`),
      )
