import type { Environment } from '../../cdk8s/environments.ts'
import { publicUrl } from './placeholders.ts'
import type { Shape } from './templates.ts'

/** Values as they stand in values.yaml. */
export interface Tree {
  [key: string]: Tree | string | number | readonly string[]
}

/** Used by _helpers.tpl and checks.tpl, whether or not a manifest has them. */
const checked = ['domain', 'maxConnections']

/** The values of one environment: those that have an effect in any, so that none is offered in vain. */
export function valuesOf(shape: Shape, shapes: readonly Shape[], { images }: Environment): Tree {
  const manifests = JSON.stringify(shapes.map(({ files }) => [...files.values()]))
  const tree: Tree = { environment: shape.environment, images: { digests: { ...images.digests } } }
  for (const { path, real, placeholder } of shape.placeholders.values) {
    if (!checked.includes(path.at(-1)!) && !manifests.includes(String(placeholder))) continue
    const parent = path.slice(0, -1).reduce((node, key) => {
      node[key] ??= {}
      return node[key] as Tree
    }, tree)
    parent[path.at(-1)!] = real
  }
  return Object.fromEntries(
    Object.keys(descriptions).flatMap((key) => (tree[key] === undefined ? [] : [[key, tree[key]]])),
  )
}

/** What Helm does with several files of values: the later one wins, branches are merged. */
export function merged(below: Tree, above: Tree): Tree {
  const tree = { ...below }
  for (const [key, value] of Object.entries(above)) {
    const base = tree[key]
    tree[key] = isBranch(base) && isBranch(value) ? merged(base, value) : value
  }
  return tree
}

const isBranch = (value: Tree[string] | undefined): value is Tree =>
  typeof value === 'object' && !Array.isArray(value)

/** What a value says, and what it may be: nothing that could end the string that it is put into. */
const descriptions: Record<string, string> = {
  environment:
    'What differs in kind: databases in the cluster or outside, Kong or its stand-in, https or http',
  domain: 'Public host name of the edge',
  publicUrl: 'Public URL where it is not https://<domain>; http where the environment has no certificate',
  images: 'Where images come from; a digest, by the name of the image, wins over the tag of all',
  replicas: "Bounds of each service's autoscaler",
  databases: 'Where the instances of PostgreSQL are',
  limits: 'The rate limit service, and where the store is that it counts in',
  telemetry: 'The collector of traces, metrics and logs',
  tls: 'The issuer of cert-manager that makes the certificate of the edge',
  corsOrigins: 'Other origins whose pages may call',
  secretNames: 'What the Secrets are called that must stand in the cluster; the key says what for',
}

const name = '[a-z0-9]([a-z0-9.-]*[a-z0-9])?'
const patterns: Record<string, string> = {
  tag: '^\\w[\\w.-]{0,127}$',
  image: `^${name}(:\\d+)?(/[a-z0-9._-]+)*(:\\w[\\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$`,
  registry: `^${name}(:\\d+)?(/[a-z0-9._-]+)*$`,
  storage: '^\\d+(Mi|Gi|Ti)$',
  publicUrl: `^(https?://${name}(:\\d+)?)?$`,
  corsOrigins: `^https?://${name}(:\\d+)?$`,
}

/** The schema that Helm checks values with before it renders: nothing missing, nothing unknown. */
export function schemaOf(
  defaults: Tree,
  environments: readonly Environment[],
  images: readonly string[],
): object {
  const isHttp = ({ publicUrl }: Environment) => publicUrl?.startsWith('http:') ?? false
  const schema = branch(defaults, descriptions)
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...schema,
    properties: {
      ...schema.properties,
      environment: { enum: environments.map((each) => each.name), description: descriptions.environment },
    },
    $defs: {
      digests: {
        type: 'object',
        propertyNames: { enum: images },
        additionalProperties: { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' },
      },
    },
    if: { properties: { environment: { enum: environments.filter(isHttp).map((each) => each.name) } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { [publicUrl[0]]: { pattern: '^http:' } } },
    else: { properties: { [publicUrl[0]]: { pattern: '^(https:.*)?$' } } },
  }
}

interface Branch {
  type: 'object'
  additionalProperties: false
  required: string[]
  properties: Record<string, object>
}

const branch = (tree: Tree, described: Record<string, string> = {}): Branch => ({
  type: 'object',
  additionalProperties: false,
  required: Object.keys(tree),
  properties: Object.fromEntries(
    Object.entries(tree).map(([key, value]) => [
      key,
      {
        ...(key === 'digests'
          ? { $ref: '#/$defs/digests' }
          : isBranch(value)
            ? branch(value)
            : leaf(key, value)),
        ...(described[key] ? { description: described[key] } : {}),
      },
    ]),
  ),
})

function leaf(key: string, value: string | number | readonly string[]): object {
  if (typeof value === 'number') return { type: 'integer', minimum: 1, maximum: 65_535 }
  const text = { type: 'string', pattern: patterns[key] ?? `^${name}$` }
  return typeof value === 'string' ? text : { type: 'array', items: text, minItems: 1 }
}

export const descriptionOf = (key: string) => descriptions[key]
