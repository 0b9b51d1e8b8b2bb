import { z } from 'zod'
import { pluginConfigs } from '../mesh/edge/kong.ts'

interface ApiObject {
  apiVersion: string
  kind: string
  metadata: { name: string }
}

const apiVersion = 'configuration.konghq.com/v1'

export const isKong = (object: ApiObject) => object.apiVersion === apiVersion

const metadata = z.strictObject({
  name: z.string(),
  namespace: z.string(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()),
})

/**
 * The fields of Kong's resources that we use, by hand: they are not among the published packages of types. After the
 * definitions of github.com/kong/kubernetes-configuration 1.5.
 */
const resources = z.discriminatedUnion('kind', [
  z.strictObject({
    apiVersion: z.literal(apiVersion),
    kind: z.literal('KongPlugin'),
    metadata,
    plugin: z.enum(Object.keys(pluginConfigs)),
    config: z.unknown(),
  }),
  z.strictObject({
    apiVersion: z.literal(apiVersion),
    kind: z.literal('KongClusterPlugin'),
    metadata: metadata.omit({ namespace: true }),
    plugin: z.enum(Object.keys(pluginConfigs)),
    config: z.unknown(),
  }),
  z.strictObject({
    apiVersion: z.literal(apiVersion),
    kind: z.literal('KongConsumer'),
    metadata,
    username: z.string(),
    credentials: z.array(z.string()),
  }),
])

/** What is wrong with an object of Kong's: one line each, with object and path, as `checkFields` answers. */
export function checkKong(object: ApiObject): string[] {
  const where = `${object.kind} ${object.metadata.name}`
  const found = resources.safeParse(object)
  if (!found.success) return linesOf(where, [], found.error)
  if (found.data.kind === 'KongConsumer') return []
  const { plugin, config } = found.data
  const { error } = pluginConfigs[plugin as keyof typeof pluginConfigs].safeParse(config)
  return error ? linesOf(where, ['config'], error) : []
}

const linesOf = (where: string, root: string[], error: z.ZodError) =>
  error.issues.map(({ path, message }) =>
    [where, [...root, ...path].join('.'), message].filter(Boolean).join(': '),
  )
