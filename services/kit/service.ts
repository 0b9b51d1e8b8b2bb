import type { Contract, Layer, Operation } from './contract.ts'

export interface DatabaseNeeds {
  /** Connections of one process at most. */
  pool: number
  /** Tables that row-level security does not bind to a tenant, each with the reason; compared with the catalog. */
  unscoped: Readonly<Record<string, string>>
  /** Policies that let this service past the tenant, `table.policy`, each with the reason. */
  spanning?: Readonly<Record<string, string>>
}

/** The kit's own tables without a tenant, which every database has; see migrations/ beside this file. */
const kitTables = {
  event: 'a feed spans tenants for its declared consumers; events are thin',
  feed: 'one row: incarnation and last position',
  migration: 'which migrations have run',
}

/** Milliseconds that the histograms tell apart, so that what an SLO promises can be counted. */
export const latencyBounds = [
  1, 2.5, 5, 10, 25, 50, 100, 200, 300, 500, 800, 1000, 2500, 5000, 10_000,
] as const
type LatencyBound = (typeof latencyBounds)[number]

export interface Slo {
  /** Share of requests without a 5xx, e.g. 0.999. */
  availability: number
  /** Milliseconds within which the operations of that kind answer, but for one in a hundred. */
  latency: { query: LatencyBound; command: LatencyBound }
}

/** Share of operations that answer within the latency of the SLO. */
export const withinLatency = 0.99

export interface Scaling {
  min: number
  max: number
  /** Mean CPU use in percent of the request at which replicas are added. */
  cpu: number
}

/** So many requests in each window of so many seconds. */
export interface Quota {
  requests: number
  seconds: number
}

/** What one caller may ask of a service; beyond it the answer is 429. */
export interface Limits {
  /** Of one account through one client, whichever token it shows. */
  perToken: Quota
  /** Of one address outside, behind which a whole company may sit. */
  perAddress: Quota
  /** Of one tenant from one replica, per kind of operation, so that a noisy company leaves room for the others. */
  perTenant: { query: Quota; command: Quota }
  /** Of one tenant from all replicas together, so that it gets no further share of each that is added because of it. */
  perTenantOverall: { query: Quota; command: Quota }
}

export const defaultLimits: Limits = {
  perToken: { requests: 1200, seconds: 60 },
  perAddress: { requests: 12_000, seconds: 60 },
  perTenant: { query: { requests: 6000, seconds: 60 }, command: { requests: 1200, seconds: 60 } },
  perTenantOverall: { query: { requests: 18_000, seconds: 60 }, command: { requests: 3600, seconds: 60 } },
}

/** Some operations of one data service that another service may call. */
export interface Use<C extends Contract = Contract, K extends string = string> {
  contract: C
  operations: readonly K[]
}

/** Names operations of a data service that the declaring service calls. */
export function uses<C extends Contract<string, 'data'>, const K extends keyof C['operations'] & string>(
  contract: C,
  ...operations: K[]
): Use<C, K> {
  return { contract, operations }
}

/** A path outside the contract that the edge serves, with the reason why it is an exception. */
export interface PublicPath {
  methods: readonly string[]
  path: string
  because: string
}

/** A file that the server reads at its start; in a cluster a key of a Secret. */
export interface SecretFile {
  /** The environment variable that says where the file is. */
  file: string
  because: string
}

/**
 * A host outside the cluster that a service calls. To an `https` one it speaks plain HTTP, and its proxy TLS; with a
 * `tls` one it speaks TLS itself, with a `tcp` one anything else, e.g. SMTP with STARTTLS.
 */
export type OutsideHost = {
  /** The environment variable that says where it is: a URL for `https`, else `host:port`. */
  address: string
  because: string
} & ({ protocol: 'https' /** Milliseconds. */; deadline: number } | { protocol: 'tls' | 'tcp' })

export interface Service<
  C extends Contract = Contract,
  U extends Readonly<Record<string, Use>> = Readonly<Record<string, Use>>,
> {
  contract: C
  name: C['service']
  layer: Layer
  database?: DatabaseNeeds
  /** Whether it has background work, done by a process of its own. */
  worker: boolean
  calls: U
  slo: Slo
  scaling: Scaling
  limits: Limits
  publicPaths: readonly PublicPath[]
  /** By the name of the file. */
  secrets: Readonly<Record<string, SecretFile>>
  /** By a name of the service's own. */
  outside: Readonly<Record<string, OutsideHost>>
}

/** Data services call nobody: the only calls they may declare are none. */
type CallsOf<L extends Layer, U> = L extends 'data' ? Record<string, never> : U

/** What does a service's jobs, as telemetry tells it apart. */
export const workerOf = (service: string) => `${service}-worker`

/** Declares what a service is and whom it calls. */
export function service<
  C extends Contract,
  const U extends Readonly<Record<string, Use<Contract<string, 'data'>>>>,
>(declared: {
  contract: C
  /** `unscoped` names the service's own tables; those of the kit are added. */
  database?: Omit<DatabaseNeeds, 'unscoped'> & Partial<Pick<DatabaseNeeds, 'unscoped'>>
  worker?: boolean
  calls: U & CallsOf<C['layer'], U>
  slo: Slo
  scaling: Scaling
  /** Where the default ones don't fit. */
  limits?: Partial<Limits>
  publicPaths?: readonly PublicPath[]
  secrets?: Readonly<Record<string, SecretFile>>
  outside?: Readonly<Record<string, OutsideHost>>
}): Service<C, U> {
  for (const [name, use] of Object.entries(declared.calls as Record<string, Use>))
    if (use.contract.service !== name)
      throw new Error(
        `${declared.contract.service}: calls.${name} names the contract of ${use.contract.service}; rename the key`,
      )
  const { database, ...others } = declared
  return {
    ...others,
    ...(database ? { database: { ...database, unscoped: { ...kitTables, ...database.unscoped } } } : {}),
    worker: declared.worker ?? false,
    limits: { ...defaultLimits, ...declared.limits },
    publicPaths: declared.publicPaths ?? [],
    secrets: declared.secrets ?? {},
    outside: declared.outside ?? {},
    name: declared.contract.service,
    layer: declared.contract.layer,
  }
}

/** The declared calls of a service as a flat list. */
export function callsOf(caller: Service): { callee: string; operation: string; declaration: Operation }[] {
  return Object.values(caller.calls).flatMap((use) =>
    use.operations.map((operation) => ({
      callee: use.contract.service,
      operation,
      declaration: use.contract.operations[operation]!,
    })),
  )
}
