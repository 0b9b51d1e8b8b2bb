import type { k8s } from 'cdk8s-plus-34'
import { type Roles, rolesOf } from '#kit/provision.ts'
import { databasesOf, type Environment, instanceOf } from '../cdk8s/environments.ts'
import { hostOf } from '../mesh/instances.ts'
import { postgresPort } from '../mesh/network.ts'

/** The Secret with the passwords of a service's database roles; its keys are app, owner, worker. */
export const databaseSecret = (service: string) => `${service}-database`

const caFolder = '/etc/staffmesh/database-ca'

/** Host and port of an instance, and how TLS is spoken to it where the mesh does not do that. */
function addressOf(environment: Environment, instance: string): { authority: string; tls: string } {
  const { outside } = environment.instances[instance]!
  return {
    authority: outside
      ? `${outside.host}:${outside.port}`
      : `${hostOf(instance, databasesOf(environment))}:${postgresPort}`,
    tls: caSecretOf(environment, instance) ? `?sslmode=verify-full&sslrootcert=${caFolder}/ca.crt` : '',
  }
}

/** The Secret with the authority that vouches for an instance without a sidecar. */
function caSecretOf(environment: Environment, instance: string): string | undefined {
  const { outside, cluster } = environment.instances[instance]!
  return (outside ?? cluster)?.caSecret
}

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
  const { authority, tls } = addressOf(environment, instanceOf(environment, service))
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
export function superuserConnection(environment: Environment, instance: string): k8s.EnvVar[] {
  const { authority, tls } = addressOf(environment, instance)
  return [
    {
      name: 'SUPERUSER_PASSWORD',
      valueFrom: { secretKeyRef: { name: superuserSecret(instance), key: 'password' } },
    },
    {
      name: 'SUPERUSER_URL',
      value: `postgres://postgres:$(SUPERUSER_PASSWORD)@${authority}/postgres${tls}`,
    },
  ]
}

/** The Secret with the superuser's password, key password; in the databases' namespace only. */
export const superuserSecret = (instance: string) => `${instance}-superuser`

/** The authority that the certificate of an instance without a sidecar is checked against. */
export function authorityFiles(
  environment: Environment,
  service: string,
): { mounts: k8s.VolumeMount[]; volumes: k8s.Volume[] } {
  const secretName = caSecretOf(environment, instanceOf(environment, service))
  if (secretName === undefined) return { mounts: [], volumes: [] }
  return {
    mounts: [{ name: 'database-ca', mountPath: caFolder, readOnly: true }],
    volumes: [
      {
        name: 'database-ca',
        secret: { secretName, items: [{ key: 'ca.crt', path: 'ca.crt' }] },
      },
    ],
  }
}
