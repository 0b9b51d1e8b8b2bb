import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, Check } from './checks.ts'
import { isLimited, limitConfiguration, limitMetricsPort, limitService } from './global-limits.ts'
import { callersOf, type Graph } from './graph.ts'
import { limitStore } from './limit-service.ts'
import { expectedTenants } from './local-limits.ts'
import { dnsNameOf, namespaces, principal } from './resource.ts'

interface Action {
  generic_key?: Entry
  header_value_match?: Entry & { headers: { name: string; string_match?: StringMatch }[] }
  request_headers?: { descriptor_key: string }
  masked_remote_address?: object
}

interface Entry {
  descriptor_key: string
  descriptor_value: string
}

type StringMatch = { exact?: string; safe_regex?: { regex: string } }

/** Of either limit filter what is looked at here. */
interface Filter {
  domain?: string
  failure_mode_deny?: boolean
  rate_limit_service?: { grpc_service: { envoy_grpc: { cluster_name: string } } }
  rate_limits: { actions: Action[] }[]
  descriptors?: { entries: { key: string; value?: string }[]; token_bucket: { tokens_per_fill: number } }[]
  max_dynamic_descriptors?: number
  filter_enforced?: { default_value: { numerator: number } }
  response_headers_to_add?: { header: { key: string } }[]
}

/** The limit filters that are added to the sidecars of a service. */
function filtersIn(objects: readonly ApiObject[], name: string): { service: string; filter: Filter }[] {
  return patchesIn(objects).flatMap(({ labels, value }) =>
    value.name === name
      ? [{ service: labels['app.kubernetes.io/part-of']!, filter: value.typed_config as Filter }]
      : [],
  )
}

const patchesIn = (objects: readonly ApiObject[]) =>
  objects
    .filter(({ kind, metadata }) => kind === 'EnvoyFilter' && metadata.namespace === namespaces.services)
    .flatMap(({ spec }) => {
      const { workloadSelector, configPatches } = spec as {
        workloadSelector?: { labels: Record<string, string> }
        configPatches: { patch: { value: { name?: string; typed_config: object } } }[]
      }
      return configPatches.map(({ patch }) => ({
        labels: workloadSelector?.labels ?? {},
        value: patch.value,
      }))
    })

const local = 'envoy.filters.http.local_ratelimit'
const global = 'envoy.filters.http.ratelimit'

const entryOf = ({ generic_key, header_value_match, request_headers }: Action) => {
  const named = generic_key ?? header_value_match
  if (named) return `${named.descriptor_key}=${named.descriptor_value}`
  return request_headers?.descriptor_key ?? 'masked_remote_address'
}

interface Descriptor {
  key: string
  value?: string
  rate_limit?: { unit: string; requests_per_unit: number }
  descriptors?: Descriptor[]
}

/** The limits of a configuration by their descriptors, as sidecars ask for them. */
function limitsIn(descriptors: readonly Descriptor[], above: string): [asked: string, rate: string][] {
  return descriptors.flatMap(({ key, value, rate_limit, descriptors: below = [] }) => {
    const asked = `${above} ${value === undefined ? key : `${key}=${value}`}`
    return [
      ...(rate_limit
        ? [[asked, `${rate_limit.requests_per_unit} a ${rate_limit.unit}`] as [string, string]]
        : []),
      ...limitsIn(below, asked),
    ]
  })
}

const limitsOf = ({ domain, descriptors }: { domain: string; descriptors: readonly Descriptor[] }) =>
  new Map(limitsIn(descriptors, domain))

/** The rate limit service has a limit for what sidecars ask, none besides, and they are the declared ones. */
function limitsCounted(objects: readonly ApiObject[], graph: Graph): string[] {
  const filters = filtersIn(objects, global)
  const asked = new Set(
    filters.flatMap(({ filter }) =>
      filter.rate_limits.map(({ actions }) => [filter.domain, ...actions.map(entryOf)].join(' ')),
    ),
  )
  const told = configurationsIn(objects)
  const declared = limitsOf(limitConfiguration(graph))
  return [
    ...[...asked].filter((each) => !told.has(each)).map((each) => `${each} is asked for, but has no limit`),
    ...[...told.keys()]
      .filter((each) => !asked.has(each))
      .map((each) => `${each} is asked for by no sidecar`),
    ...[...declared]
      .filter(([each, rate]) => told.get(each) !== rate)
      .map(([each, rate]) => `${each} is declared to be ${rate}, not ${told.get(each)}`),
    ...filters
      .filter(
        ({ filter }) =>
          filter.failure_mode_deny ||
          filter.rate_limit_service?.grpc_service.envoy_grpc.cluster_name !==
            `outbound|${limitService.port}||${dnsNameOf(limitService.name, namespaces.limits)}`,
      )
      .map(({ service }) => `${service}: its sidecar asks somebody else, or refuses when nobody answers`),
  ]
}

const configurationsIn = (objects: readonly ApiObject[]) =>
  new Map(
    objects
      .filter(
        ({ kind, metadata }) =>
          kind === 'ConfigMap' &&
          metadata.namespace === namespaces.limits &&
          metadata.name === limitService.name,
      )
      .flatMap(({ data }) => Object.values(data ?? {}))
      .flatMap((text) => [...limitsOf(JSON.parse(text))]),
  )

/**
 * Who counts reaches the rate limit service, that its store, and nobody else either of them; but for the numbers, which
 * somebody may fetch.
 */
function limitsAdmitTheirOwn(objects: readonly ApiObject[], graph: Graph): string[] {
  const wanted: Record<string, string[]> = {
    [limitService.name]: graph.services
      .filter(({ name }) => isLimited(graph, name))
      .map(({ name }) => principal(namespaces.services, name)),
    [limitStore.name]: [principal(namespaces.limits, limitService.name)],
  }
  return objects
    .filter(
      ({ kind, metadata, spec }) =>
        kind === 'AuthorizationPolicy' && metadata.namespace === namespaces.limits && spec?.rules,
    )
    .flatMap(({ metadata, spec }) => {
      const rules = (spec!.rules as Rule[]).filter(({ to }) => !isDeepStrictEqual(to, numbers))
      const admitted = rules.flatMap(({ from = [{ source: {} }], to }) =>
        from.flatMap(({ source }) => (to && source.principals) || ['anybody']),
      )
      return String(admitted.sort()) === String(wanted[metadata.name]?.sort())
        ? []
        : [`${metadata.name} admits ${admitted.join(', ')}`]
    })
}

interface Rule {
  from?: { source: { principals?: string[] } }[]
  to?: object[]
}

const numbers = [{ operation: { ports: [String(limitMetricsPort)], methods: ['GET'], paths: ['/metrics'] } }]

/** To an outside store by TLS, whose authority is named, and with a password. */
function storeSafe(objects: readonly ApiObject[]): string[] {
  const env = objects
    .filter(({ kind, metadata }) => kind === 'Deployment' && metadata.namespace === namespaces.limits)
    .flatMap(
      ({ spec }) => (spec!.template as { spec: { containers: { env?: Variable[] }[] } }).spec.containers,
    )
    .flatMap((container) => container.env ?? [])
  const told = (name: string) => env.find((each) => each.name === name)?.value
  const inside = told('REDIS_URL')?.includes('.svc.cluster.local:')
  const safe =
    told('REDIS_TLS') === 'true' &&
    told('REDIS_TLS_CACERT') &&
    env.some(({ name, valueFrom }) => name === 'REDIS_AUTH' && valueFrom)
  return inside || safe ? [] : ['The rate limit service reaches its store without TLS or without a password']
}

interface Variable {
  name: string
  value?: string
  valueFrom?: object
}

/** Each query and command of a service is counted once, by tenant, in a bucket of the declared size. */
function tenantsHaveTheirShare(objects: readonly ApiObject[], graph: Graph): string[] {
  return graph.services.flatMap(({ name, limits }) => {
    const calls = callersOf(graph, name)
      .flatMap(([, edges]) => edges)
      .filter(({ kind }) => kind !== 'stream')
    const filters = filtersIn(objects, local).filter(({ service }) => service === name)
    if (filters.length !== 1) return calls.length === 0 ? [] : [`${name} has ${filters.length} local limits`]
    const { filter } = filters[0]!
    return [
      ...calls
        .filter(({ kind, method, path }) => {
          const counted = filter.rate_limits.filter(({ actions }) => counts(actions, method, path))
          return String(counted.map(({ actions }) => actions.map(entryOf))) !== `kind=${kind},tenant`
        })
        .map(({ operation }) => `${name}.${operation} is not counted once, by its tenant`),
      ...(filter.descriptors ?? []).flatMap(({ entries, token_bucket }) => {
        const kind = entries[0]?.value as 'query' | 'command'
        const { requests, seconds } = limits.perTenant[kind]
        return token_bucket.tokens_per_fill === Math.round(requests / seconds)
          ? []
          : [`${name}: a tenant's ${kind} bucket is not what limits.perTenant declares`]
      }),
      ...(filter.max_dynamic_descriptors === expectedTenants &&
      filter.filter_enforced?.default_value.numerator === 100
        ? []
        : [`${name}: tenants are forgotten or let through`]),
    ]
  })
}

function counts(actions: readonly Action[], method: string, path: string): boolean {
  const asked = { ':method': method, ':path': path.replaceAll(/\{\w+\}/g, 'x') }
  return actions.some(({ header_value_match: match }) =>
    match?.headers.every(({ name, string_match }) => {
      const value = asked[name as keyof typeof asked]
      const regex = string_match?.safe_regex?.regex
      return regex ? new RegExp(`^${regex}$`).test(value) : string_match?.exact === value
    }),
  )
}

/** A refusal of any proxy is a problem document, and says when to try again. */
function refusalsHelp(objects: readonly ApiObject[]): string[] {
  const silent = [local, global]
    .flatMap((name) => filtersIn(objects, name))
    .filter(
      ({ filter }) => !filter.response_headers_to_add?.some(({ header }) => header.key === 'retry-after'),
    )
  const isProblem = patchesIn(objects).some(
    ({ labels, value }) =>
      Object.keys(labels).length === 0 && JSON.stringify(value).includes('too-many-requests'),
  )
  return [
    ...silent.map(({ service }) => `${service}: a refusal does not say when to try again`),
    ...(isProblem ? [] : ['A refusal of a proxy is no problem document']),
  ]
}

export const limitChecks: Readonly<Record<string, Check>> = {
  'limits are counted': limitsCounted,
  'limits admit their own': limitsAdmitTheirOwn,
  'the store is safe': storeSafe,
  'tenants have their share': tenantsHaveTheirShare,
  'refusals say when to try again': refusalsHelp,
}
