import type { Service } from '#kit/service.ts'
import { kongValues } from '../mesh/edge/kong-values.ts'
import { istiodValues } from '../mesh/istio-values.ts'
import { isHttps } from './edge.ts'
import type { Environment } from './environments.ts'

/** Values for the official charts of what we don't deploy ourselves, by file. */
export function helmValuesOf(services: readonly Service[], environment: Environment): Map<string, object> {
  const values = new Map<string, object>([['istiod-values.yaml', istiodValues]])
  if (environment.edge !== 'kong') return values
  const { name, kong } = environment
  if (!kong) throw new Error(`${name}: edge is kong; give kong: { replicas: { min, max } }`)
  return values.set('kong-values.yaml', kongValues(services, kong, isHttps(environment)))
}
