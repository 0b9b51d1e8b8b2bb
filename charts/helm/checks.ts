import { type Demand, demandsOf } from '../../cdk8s/connections.ts'
import type { Environment } from '../../cdk8s/environments.ts'
import type { Service } from '../../services/kit/service.ts'
import { expressionOf, type Shape } from './templates.ts'

/** What a schema cannot say, and synth checks too; renders nothing. */
export function checksOf(services: readonly Service[], environments: readonly Environment[]): string {
  const bounds = services.map(({ name }) => {
    const [min, max] = [number('replicas', name, 'min'), number('replicas', name, 'max')]
    return refuse(
      `gt ${min} ${max}`,
      `"replicas.${name}: min %d is more than max %d; raise max or lower min" ${min} ${max}`,
    )
  })
  const connections = environments.flatMap((environment) => [
    `{{- if eq .Values.environment "${environment.name}" }}`,
    ...[...demandsOf(services, environment)].map(([instance, demand]) => connectionsOf(instance, demand)),
    '{{- end }}',
  ])
  return `${[...bounds, ...connections].join('\n')}\n`
}

/** What YAML holds are floating-point numbers, which Go compares with no others. */
const number = (...path: string[]) => `(int64 (${expressionOf(path)}))`

const refuse = (condition: string, message: string) =>
  `{{- if ${condition} }}{{ fail (printf ${message}) }}{{ end }}`

function connectionsOf(instance: string, { fixed, perReplica }: Demand): string {
  const servers = [...perReplica].map(([name, pool]) => `(mul ${pool} ${number('replicas', name, 'max')})`)
  const asked = `(add ${fixed} ${servers.join(' ')})`
  const has = number('databases', instance, 'maxConnections')
  return refuse(
    `gt ${asked} ${has}`,
    `"services may ask instance ${instance} for %d connections, it has %d: raise databases.${instance}.maxConnections or lower replicas" ${asked} ${has}`,
  )
}

/** The Secrets that an environment reads, a line each. */
export const secretsOf = (shapes: readonly Shape[]): string =>
  [
    '{{- define "staffmesh.secrets" -}}',
    ...shapes.flatMap(({ environment, placeholders }) => [
      `{{- if eq .Values.environment "${environment}" }}`,
      ...placeholders.values
        .filter(({ path }) => path[0] === 'secretNames')
        .map(({ path }) => `  {{ ${expressionOf(path)} }}`),
      '{{- end }}',
    ]),
    '{{- end }}\n',
  ].join('\n')
