import type { App, Chart } from 'cdk8s'
import type { Service } from '#kit/service.ts'
import { KongChart, StandInChart } from '../charts/edge.ts'
import { MeshChart } from '../charts/mesh.ts'
import { certificates, tlsSecretOf } from '../mesh/edge/certificate.ts'
import { edgeAnnotations, kongEdge } from '../mesh/edge/index.ts'
import { kongNetworkPolicies } from '../mesh/edge/kong-network.ts'
import { calleesOf, edge, graphOf } from '../mesh/graph.ts'
import { type Environment, publicUrlOf } from './environments.ts'

/** The edge of an environment; refuses values that don't fit together. */
export function edgeCharts(
  app: App,
  services: readonly Service[],
  environment: Environment,
  jwks: string,
): Chart[] {
  const https = isHttps(environment)
  const { name, domain, tls } = environment
  if (environment.edge === 'stand-in') {
    if (https)
      throw new Error(
        `${name}: the stand-in speaks plain HTTP; give an http publicUrl, or edge: 'kong' with tls`,
      )
    return [new StandInChart(app, '30-edge', environment, calleesOf(graphOf(services), edge))]
  }
  if (https && !tls)
    throw new Error(
      `${name}: the public URL is https; give tls: { clusterIssuer: '…' } or { secret: '…' }, or an http publicUrl`,
    )
  if (!https && tls)
    throw new Error(`${name}: the public URL is http; leave tls out, or give an https publicUrl`)
  const concerns = {
    ...(tls ? { certificates: certificates(tls, domain) } : {}),
    ...kongEdge(services, {
      host: domain,
      origins: environment.corsOrigins ?? [],
      jwks,
      ...(tls ? { tls: { secret: tlsSecretOf(tls) } } : {}),
    }),
  }
  return [
    new MeshChart(app, '10-mesh-kong', kongNetworkPolicies()),
    ...Object.entries(concerns)
      .filter(([, objects]) => objects.length > 0)
      .map(([concern, objects]) => new KongChart(app, `30-edge-${concern}`, objects)),
  ]
}

export const isHttps = (environment: Environment) => publicUrlOf(environment).startsWith('https:')

/** The annotations that Kong reads off each Service; none where it isn't the edge. */
export const serviceAnnotationsOf = (services: readonly Service[], environment: Environment) =>
  environment.edge === 'kong' ? edgeAnnotations(services) : new Map<string, Record<string, string>>()
