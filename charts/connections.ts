import type { k8s } from 'cdk8s-plus-34'
import { type Roles, rolesOf } from '#kit/provision.ts'
import { type Environment, instanceOf } from '../cdk8s/environments.ts'
import { postgresPort } from '../mesh/network.ts'
import { namespaces } from '../mesh/resource.ts'

/** The Secret with the passwords of a service's database roles; its keys are app, owner, worker. */
export const databaseSecret = (service: string) => `${service}-database`

/** Host of an instance inside the cluster. */
const hostOf = (instance: string) => `${instance}.${namespaces.databases}.svc.cluster.local`

const caFolder = '/etc/staffmesh/database-ca'

const variables = { app: 'DATABASE_URL', owner: 'DATABASE_OWNER_URL', worker: 'QUEUE_DATABASE_URL' } as const

/**
 * The connections of one service as environment variables: host and TLS from the environment's values, passwords from
 * the Secret. Kubernetes puts a password into its URL, `$(NAME)`.
 */
export function connectionsOf(
  environment: Environment,
  service: string,
  roles: readonly (keyof Roles)[],
): k8s.EnvVar[] {
  const { outside } = environment.instances[instanceOf(environment, service)]!
  const authority = outside
    ? `${outside.host}:${outside.port}`
    : `${hostOf(instanceOf(environment, service))}:${postgresPort}`
  const tls = outside ? `?sslmode=verify-full&sslrootcert=${caFolder}/ca.crt` : ''
  return roles.flatMap((role) => {
    const password = `${role.toUpperCase()}_PASSWORD`
    return [
      { name: password, valueFrom: { secretKeyRef: { name: databaseSecret(service), key: role } } },
      {
        name: variables[role],
        value: `postgres://${rolesOf(service)[role]}:$(${password})@${authority}/${service}${tls}`,
      },
    ]
  })
}

/** The connection of the superuser of an instance inside the cluster. */
export const superuserConnection = (instance: string): k8s.EnvVar[] => [
  {
    name: 'SUPERUSER_PASSWORD',
    valueFrom: { secretKeyRef: { name: superuserSecret(instance), key: 'password' } },
  },
  {
    name: 'SUPERUSER_URL',
    value: `postgres://postgres:$(SUPERUSER_PASSWORD)@${hostOf(instance)}:${postgresPort}/postgres`,
  },
]

/** The Secret with the superuser's password, key password; in the databases' namespace only. */
export const superuserSecret = (instance: string) => `${instance}-superuser`

/** The authority that an outside instance's certificate is checked against. */
export function authorityFiles(
  environment: Environment,
  service: string,
): { mounts: k8s.VolumeMount[]; volumes: k8s.Volume[] } {
  const { outside } = environment.instances[instanceOf(environment, service)]!
  if (!outside) return { mounts: [], volumes: [] }
  return {
    mounts: [{ name: 'database-ca', mountPath: caFolder, readOnly: true }],
    volumes: [
      {
        name: 'database-ca',
        secret: { secretName: outside.caSecret, items: [{ key: 'ca.crt', path: 'ca.crt' }] },
      },
    ],
  }
}
