import { dnsNameOf, namespaces } from './resource.ts'

/** Where the instances of PostgreSQL are, and which keeps whose database. */
export interface DatabaseOptions {
  /** The instance that keeps a service's database. */
  instanceOf: (service: string) => string
  /** Where an instance is that runs outside the cluster. */
  outside?: Readonly<Record<string, { host: string; port: number }>>
  /** Those that CloudNativePG runs, with the port of the object store that their backups go to. */
  clusters?: Readonly<Record<string, { backupPort: number }>>
}

/** Host of an instance inside the cluster; CloudNativePG's operator makes a Service that leads to the primary. */
export const hostOf = (instance: string, { clusters = {} }: Pick<DatabaseOptions, 'clusters'>) =>
  dnsNameOf(`${instance}${instance in clusters ? '-rw' : ''}`, namespaces.databases)
