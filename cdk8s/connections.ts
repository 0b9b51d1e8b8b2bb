import type { Service } from '#kit/service.ts'
import { canaryOf, type Environment, instanceOf } from './environments.ts'

/** Connections that PostgreSQL and its operators need besides the services. */
const reserved = 10
/** A worker's queue beside its pool: jobs.ts and worker-lock.ts of the kit. */
const queuePool = 5
/** A migration, and the job that makes the database; see migrate.ts and provision.ts of the kit. */
const migration = 4

/** What an instance may be asked for: so many connections in any case, and so many by each replica of a service. */
export interface Demand {
  fixed: number
  perReplica: ReadonlyMap<string, number>
}

/** By instance. A rollout has one more replica of a server, of its canary too, and a second worker. */
export function demandsOf(services: readonly Service[], environment: Environment): Map<string, Demand> {
  const demands = new Map<string, Demand>()
  for (const { name, database, worker } of services) {
    if (!database) continue
    const instance = instanceOf(environment, name)
    const { fixed, perReplica } = demands.get(instance) ?? { fixed: reserved, perReplica: new Map() }
    const canary = canaryOf(environment, name)
    const canaries = canary ? (canary.replicas ?? 1) + 1 : 0
    const workers = worker ? 2 * (database.pool + queuePool) : 0
    demands.set(instance, {
      fixed: fixed + (1 + canaries) * database.pool + workers + migration,
      perReplica: new Map([...perReplica, [name, database.pool]]),
    })
  }
  return demands
}

/**
 * Refuses an environment whose services, at their most replicas and one more while they roll, could ask an instance
 * for more connections than it has.
 */
export function checkConnections(services: readonly Service[], environment: Environment): void {
  const bound = environment.maxReplicas ?? Number.POSITIVE_INFINITY
  const replicas = new Map(services.map(({ name, scaling }) => [name, Math.min(scaling.max, bound)]))
  for (const [name, { fixed, perReplica }] of demandsOf(services, environment)) {
    const connections = [...perReplica].reduce(
      (sum, [service, pool]) => sum + pool * replicas.get(service)!,
      fixed,
    )
    const { maxConnections } = environment.instances[name]!
    if (connections > maxConnections)
      throw new Error(
        `${environment.name}: services may ask instance ${name} for ${connections} connections, it has ${maxConnections}. ` +
          'Raise maxConnections, lower pools or replicas, or move a service to an instance of its own (instanceOf)',
      )
  }
}
