import { existsSync } from 'node:fs'
import type { Service } from '#kit/service.ts'
import { type Environment, imageOf, publicUrlOf } from '../cdk8s/environments.ts'
import { versions } from '../cluster/versions.ts'
import { kongChart } from '../mesh/edge/kong-values.ts'
import { edge } from '../mesh/graph.ts'
import { namespaces } from '../mesh/resource.ts'

/** A program that is kept as it is here. */
interface Program {
  group: 'data-services' | 'application-services' | 'edge'
  /** As the manifests name it, without its tag. */
  image: string
  /** Files and folders that it may import. */
  sources: string[]
}

/** What the Tiltfile has to know of the declarations. */
interface Plan {
  url: string
  programs: Record<string, Program>
  /** What the workloads of a namespace are shown among; those of services by their layer. */
  groups: Record<string, string>
  /** Versions of what kind gets by Helm, and of the Gateway API's definitions. */
  charts: { istio: string; kong: string; gatewayApi: string }
}

export function planOf(services: readonly Service[], environment: Environment): Plan {
  const programs = services.map(({ name, layer, calls }): [string, Program] => [
    name,
    {
      group: `${layer}-services`,
      image: imageName(environment, name),
      sources: [...own(name), ...Object.keys(calls).flatMap(declarationOf)],
    },
  ])
  if (environment.edge === 'stand-in')
    programs.push([
      edge,
      {
        group: 'edge',
        image: imageName(environment, edge),
        sources: [...own(edge), 'services/index.ts', ...services.flatMap(({ name }) => declarationOf(name))],
      },
    ])
  return {
    url: publicUrlOf(environment),
    programs: Object.fromEntries(programs),
    groups: {
      [namespaces.databases]: 'databases',
      [namespaces.edge]: 'edge',
      [namespaces.limits]: 'platform',
      [namespaces.observability]: 'observability',
    },
    charts: { istio: versions.istio, kong: kongChart, gatewayApi: '1.7.0' },
  }
}

const imageName = (environment: Environment, name: string) =>
  imageOf(environment, name).replace(/:[^:/]+$/, '')

const own = (name: string) => ['services/kit', `services/${name}`]

/** What others may import of a service; see layers.config.ts. */
const declarationOf = (name: string) =>
  ['contract.ts', 'contract', 'service.ts']
    .map((part) => `services/${name}/${part}`)
    .filter((path) => existsSync(path))
