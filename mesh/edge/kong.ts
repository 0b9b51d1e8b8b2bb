import { z } from 'zod'
import { because, namespaces, type Resource } from '../resource.ts'

/** An object of the edge; `fields` stand beside apiVersion, kind and metadata. */
export interface EdgeObject extends Pick<Resource, 'apiVersion' | 'kind'> {
  /** Without a namespace it is the cluster's. */
  metadata: Omit<Resource['metadata'], 'namespace'> & { namespace?: string }
  fields: Record<string, unknown>
}

/** Kong wants routes, plugins and credentials beside the services that they lead to. */
export const object = (
  apiVersion: string,
  kind: string,
  name: string,
  reason: string,
  fields: Record<string, unknown>,
  metadata: {
    namespace?: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
  } = {},
): EdgeObject => ({
  apiVersion,
  kind,
  metadata: {
    name,
    namespace: namespaces.services,
    ...metadata,
    annotations: { [because]: reason, ...metadata.annotations },
  },
  fields,
})

const headerName = z.string().regex(/^[\w-]+$/)
const headerLine = z.string().regex(/^[\w-]+:.+$/)
const method = z.enum(['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE', 'OPTIONS'])

/**
 * The part of each plugin's configuration that we use. No package publishes Kong's schemas, so these were written by
 * hand after `kong/plugins/<name>/schema.lua` of Kong 3.9 (github.com/Kong/kong); Kong has defaults for what is left
 * out, but where a default would open something the field is required here.
 */
export const pluginConfigs = {
  jwt: z.strictObject({
    key_claim_name: z.string(),
    header_names: z.array(headerName).min(1),
    uri_param_names: z.array(z.string()),
    cookie_names: z.array(z.string()),
    claims_to_verify: z.array(z.enum(['exp', 'nbf'])).min(1),
    run_on_preflight: z.boolean(),
    realm: z.string().optional(),
  }),
  'rate-limiting': z.strictObject({
    second: z.int().positive().optional(),
    minute: z.int().positive().optional(),
    hour: z.int().positive().optional(),
    limit_by: z.literal('header'),
    header_name: headerName,
    // The key holds a part of the token, which has no place in a store.
    policy: z.literal('local'),
    error_message: z.string().optional(),
  }),
  'request-size-limiting': z.strictObject({
    allowed_payload_size: z.int().nonnegative(),
    size_unit: z.enum(['bytes', 'kilobytes', 'megabytes']),
    require_content_length: z.boolean(),
  }),
  cors: z.strictObject({
    // Kong takes an empty list for "all".
    origins: z.array(z.url()).min(1),
    methods: z.array(method),
    headers: z.array(headerName),
    exposed_headers: z.array(headerName),
    credentials: z.literal(false),
    max_age: z.int(),
    preflight_continue: z.literal(false),
  }),
  'correlation-id': z.strictObject({
    header_name: headerName,
    generator: z.enum(['uuid', 'uuid#counter', 'tracker']),
    echo_downstream: z.boolean(),
  }),
  'pre-function': z.strictObject({ access: z.array(z.string()).min(1) }),
  'post-function': z.strictObject({
    header_filter: z.array(z.string()).min(1),
    body_filter: z.array(z.string()).min(1),
  }),
  'request-transformer': z.strictObject({ remove: z.strictObject({ headers: z.array(headerName).min(1) }) }),
  'response-transformer': z.strictObject({
    remove: z.strictObject({ headers: z.array(headerName) }),
    add: z.strictObject({ headers: z.array(headerLine) }),
  }),
  'request-termination': z.strictObject({ status_code: z.int().min(100).max(599) }),
}

type Plugin = keyof typeof pluginConfigs
const kong = 'configuration.konghq.com/v1'

export const kongPlugin = <P extends Plugin>(
  name: string,
  plugin: P,
  config: z.input<(typeof pluginConfigs)[P]>,
  reason: string,
): EdgeObject => object(kong, 'KongPlugin', name, reason, { plugin, config })

/** Of no one route, but of every request. */
export const kongClusterPlugin = <P extends Plugin>(
  name: string,
  plugin: P,
  config: z.input<(typeof pluginConfigs)[P]>,
  reason: string,
): EdgeObject => ({
  apiVersion: kong,
  kind: 'KongClusterPlugin',
  metadata: {
    name,
    labels: { global: 'true' },
    annotations: { [because]: reason, 'kubernetes.io/ingress.class': ingressClass },
  },
  fields: { plugin, config },
})

export const kongConsumer = (name: string, credentials: readonly string[], reason: string): EdgeObject =>
  object(
    kong,
    'KongConsumer',
    name,
    reason,
    { username: name, credentials },
    { annotations: { 'kubernetes.io/ingress.class': ingressClass } },
  )

export const ingressClass = 'kong'
