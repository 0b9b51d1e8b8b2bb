import type { Service } from '#kit/service.ts'
import { type Environment, instanceOf } from './environments.ts'

/** Connections that PostgreSQL and its operators need besides the services. */
const reserved = 10
/** A worker's queue beside its pool: jobs.ts and worker-lock.ts of the kit. */
const queuePool = 5
/** A migration, and the job that makes the database; see migrate.ts and provision.ts of the kit. */
const migration = 4

/**
 * Refuses an environment whose services, at their most replicas and one more while they roll, could ask an instance
 * for more connections than it has.
 */
export function checkConnections(services: readonly Service[], environment: Environment): void {
  const bound = environment.maxReplicas ?? Number.POSITIVE_INFINITY
  const asked = new Map<string, number>()
  for (const service of services) {
    if (!service.database) continue
    const instance = instanceOf(environment, service.name)
    const servers = (Math.min(service.scaling.max, bound) + 1) * service.database.pool
    const workers = service.worker ? 2 * (service.database.pool + queuePool) : 0
    asked.set(instance, (asked.get(instance) ?? reserved) + servers + workers + migration)
  }
  for (const [name, connections] of asked) {
    const { maxConnections } = environment.instances[name]!
    if (connections > maxConnections)
      throw new Error(
        `${environment.name}: services may ask instance ${name} for ${connections} connections, it has ${maxConnections}. ` +
          'Raise maxConnections, lower pools or replicas, or move a service to an instance of its own (instanceOf)',
      )
  }
}
