import type { Service } from '#kit/service.ts'
import { authentication, type Issuer } from './authentication.ts'
import { authorization } from './authorization.ts'
import { collectorPolicies } from './collector.ts'
import { databases } from './databases.ts'
import { type EgressOptions, egress } from './egress.ts'
import { globalLimitFilters } from './global-limits.ts'
import { graphOf } from './graph.ts'
import { type LimitOptions, limitServicePolicies } from './limit-service.ts'
import { limitProblems } from './limits.ts'
import { localLimits } from './local-limits.ts'
import { type MonitoringOptions, monitoring } from './monitoring.ts'
import { mtls } from './mtls.ts'
import { networkPolicies } from './network.ts'
import { outside } from './outside.ts'
import { failureProblems } from './problems.ts'
import { requestIds } from './request-ids.ts'
import type { Resource } from './resource.ts'
import { telemetry } from './telemetry.ts'
import { destinations, routes } from './traffic.ts'
import type { CanaryTraffic } from './versions.ts'

/** All traffic policy of the product, one list a concern. */
export function mesh(
  services: readonly Service[],
  options: { issuer: Issuer; canary?: CanaryTraffic | undefined } & EgressOptions &
    LimitOptions &
    MonitoringOptions,
): Record<string, Resource[]> {
  const graph = graphOf(services)
  return {
    mtls: mtls(),
    authorization: authorization(graph, options.issuer.url),
    authentication: authentication(graph, options.issuer),
    egress: egress(graph, options),
    network: networkPolicies(graph, options),
    databases: databases(graph, options),
    outside: outside(graph, options.outsideHosts),
    telemetry: telemetry(),
    'request-ids': requestIds(),
    collector: collectorPolicies(options),
    monitoring: monitoring(options),
    routes: routes(graph, options.canary),
    destinations: destinations(graph),
    'local-limits': localLimits(graph),
    'global-limits': [...globalLimitFilters(graph), ...limitServicePolicies(graph, options)],
    'limit-problems': [limitProblems()],
    'failure-problems': failureProblems(),
  }
}
