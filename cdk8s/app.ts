import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { App, type Chart, Yaml } from 'cdk8s'
import { targetVersion } from '#kit/schema-version.ts'
import type { Service } from '#kit/service.ts'
import { DashboardsChart } from '../charts/dashboards.ts'
import { DatabaseChart } from '../charts/database.ts'
import { LimitsChart } from '../charts/limits.ts'
import { MeshChart } from '../charts/mesh.ts'
import { NamespacesChart } from '../charts/namespaces.ts'
import { ServiceChart } from '../charts/service.ts'
import { TelemetryChart } from '../charts/telemetry.ts'
import type { ApiObject } from '../mesh/checks.ts'
import { collector } from '../mesh/egress.ts'
import { edge, graphOf } from '../mesh/graph.ts'
import { mesh } from '../mesh/index.ts'
import { prometheus, traceStore } from '../mesh/monitoring.ts'
import { namespaces } from '../mesh/resource.ts'
import { rules } from '../observability/rules/index.ts'
import type { Meshed } from '../observability/scraping.ts'
import { checkCanary } from './canary.ts'
import { refuseFaults } from './checks.ts'
import { checkConnections } from './connections.ts'
import { developed } from './development.ts'
import { edgeCharts, serviceAnnotationsOf } from './edge.ts'
import {
  databasesOf,
  type Environment,
  instanceOf,
  monitoringOf,
  publicUrlOf,
  renewalsOf,
} from './environments.ts'
import { keyCharts } from './keys.ts'
import { podsIn } from './pods.ts'

/** Builds all objects of an environment; a file a chart, in the order in which they are best applied. */
export async function manifestsOf(
  services: readonly Service[],
  environment: Environment,
  jwks: string,
): Promise<Map<string, ApiObject[]>> {
  checkCanary(services, environment)
  checkConnections(services, environment)
  const app = new App()
  const charts = [new NamespacesChart(app, '00-namespaces')]
  const policies = mesh(services, {
    issuer: { url: `${publicUrlOf(environment)}/oidc`, jwks },
    ...databasesOf(environment),
    canary: environment.canary,
    outsideHosts: environment.outside,
    ...monitoringOf(environment),
    outsideStore: 'outside' in environment.limits.store ? environment.limits.store.outside : undefined,
  })
  // Policies before workloads: nothing of ours ever runs without them.
  for (const [concern, resources] of Object.entries(policies))
    if (resources.length > 0) charts.push(new MeshChart(app, `10-mesh-${concern}`, resources))
  charts.push(...databaseCharts(app, services, environment))
  charts.push(new LimitsChart(app, '15-limits', { graph: graphOf(services), environment }))
  if (environment.dashboards) charts.push(new DashboardsChart(app, '15-dashboards', services))
  const annotations = serviceAnnotationsOf(services, environment)
  for (const service of services) {
    const schema = service.database
      ? await targetVersion(new URL(`../services/${service.name}/migrations/`, import.meta.url))
      : undefined
    charts.push(
      new ServiceChart(app, `20-${service.name}`, {
        service,
        environment,
        annotations: annotations.get(service.name) ?? {},
        ...(schema ? { schema } : {}),
      }),
    )
  }
  charts.push(...edgeCharts(app, services, environment, jwks))
  charts.push(...keyCharts(app, services, environment))
  const names = services.map(({ name }) => name)
  const render = (chart: Chart) => {
    const objects = chart.toJson() as ApiObject[]
    return environment.development ? developed(objects, names, environment) : objects
  }
  charts.push(
    new TelemetryChart(app, '15-telemetry', environment, {
      workloads: meshedIn(charts),
      rules: rules(services, renewalsOf(environment)),
    }),
  )
  const manifests = new Map(charts.map((chart) => [`${chart.node.id}.yaml`, render(chart)]))
  refuseFaults([...manifests.values()].flat(), graphOf(services))
  return manifests
}

/** All pods of ours, but for those of the chart that asks; Kong's are made elsewhere. */
function meshedIn(charts: readonly Chart[]): Meshed[] {
  const found = podsIn(charts.flatMap((chart) => chart.toJson() as ApiObject[]))
  const asked = [collector, traceStore, prometheus].map(({ name, namespace }) => ({ unit: name, namespace }))
  const all = [...found, ...asked, { unit: edge, namespace: namespaces.edge }]
  return [...Map.groupBy(all, ({ namespace, unit }) => `${namespace}/${unit}`).values()].flatMap(([each]) =>
    each?.unit ? [{ namespace: each.namespace, unit: each.unit }] : [],
  )
}

/** One chart an instance inside the cluster. */
function databaseCharts(app: App, services: readonly Service[], environment: Environment) {
  return Object.entries(environment.instances)
    .filter(([, values]) => !values.outside)
    .map(
      ([instance]) =>
        new DatabaseChart(app, `15-database-${instance}`, {
          instance,
          environment,
          services: services
            .filter((service) => service.database && instanceOf(environment, service.name) === instance)
            .map((service) => service.name),
        }),
    )
}

/**
 * Writes an environment's folder anew, so that nothing stays of what is no longer declared. Values of Helm charts have a
 * folder of their own, since the cluster could not take them.
 */
export async function writeManifests(
  manifests: Map<string, unknown[]>,
  helmValues: Map<string, object>,
  folder: string,
): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  const documents = [
    ...manifests,
    ...[...helmValues].map(([file, values]) => [join('helm', file), [values]] as const),
  ]
  for (const [file, objects] of documents) {
    await mkdir(join(folder, dirname(file)), { recursive: true })
    await writeFile(join(folder, file), Yaml.stringify(...objects))
  }
}
