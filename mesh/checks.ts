import { audiences, identityHeaders } from '#kit/caller.ts'
import { problemBase } from '#kit/problem.ts'
import { collector } from './egress.ts'
import { isLimited } from './global-limits.ts'
import { calleesOf, type Edge, edge, type Graph } from './graph.ts'
import { failures } from './problems.ts'
import { because, namespaces, principalOf } from './resource.ts'

/** A rendered Kubernetes object, ours or another's. */
export interface ApiObject {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; annotations?: Record<string, string> }
  spec?: Record<string, unknown>
  /** Of a ConfigMap. */
  data?: Record<string, string>
}

/** Looks at all that would be applied, and answers one sentence for each fault. */
export type Check = (objects: readonly ApiObject[], graph: Graph) => string[]

interface Rule {
  from?: { source: { principals?: string[]; requestPrincipals?: string[] } }[]
  to?: { operation: { methods?: string[]; paths?: string[] } }[]
  when?: { key: string; values: string[] }[]
}

/** One caller and one operation that a policy lets through. */
interface Pass {
  callee: string
  principal: string
  method: string
  path: string
  rule: Rule
}

const anything = '*'

/** What the policies of our services let through; a condition that is left out means anything. */
function passes(objects: readonly ApiObject[]): Pass[] {
  return ofKind(objects, 'AuthorizationPolicy', namespaces.services).flatMap(({ metadata, spec }) =>
    ((spec?.rules ?? []) as Rule[]).flatMap((rule) =>
      (rule.from ?? [{ source: {} }]).flatMap(({ source }) =>
        (source.principals ?? [anything]).flatMap((principal) =>
          (rule.to ?? [{ operation: {} }]).flatMap(({ operation }) =>
            (operation.methods ?? [anything]).flatMap((method) =>
              (operation.paths ?? [anything]).map((path) => ({
                callee: metadata.name,
                principal,
                method,
                path,
                rule,
              })),
            ),
          ),
        ),
      ),
    ),
  )
}

const lets = (pass: Pass, call: Edge) =>
  pass.callee === call.callee &&
  pass.principal === principalOf(call.caller) &&
  pass.method === call.method &&
  pass.path === call.path.replaceAll(/\{\w+\}/g, '{*}')

const nameOf = (call: Edge) => `${call.caller} → ${call.callee}.${call.operation}`

/** As many as there are kinds of token for it; the edge carries in none but a user's. */
function declaredCallsAllowed(objects: readonly ApiObject[], { edges }: Graph): string[] {
  const rendered = passes(objects)
  return edges.flatMap((call) => {
    const expected = call.caller === edge ? 1 : Math.max(1, call.access.length)
    const found = rendered.filter((pass) => lets(pass, call)).length
    return found === expected ? [] : [`${nameOf(call)} is let through by ${found} rules, not ${expected}`]
  })
}

function undeclaredCallsDenied(objects: readonly ApiObject[], { edges }: Graph): string[] {
  return passes(objects)
    .filter((pass) => !edges.some((call) => lets(pass, call)))
    .map(
      ({ principal, callee, method, path }) =>
        `${principal} may ${method} ${callee}${path}: no service declares it`,
    )
}

/** Where a person or a job acts, the rule names issuer and audience of a valid token. */
function tokensDemanded(objects: readonly ApiObject[], { edges }: Graph): string[] {
  return passes(objects).flatMap((pass) => {
    const call = edges.find((each) => lets(pass, each))
    if (!call || call.access.length === 0 || call.access.includes('service')) return []
    const { from = [], when = [] } = pass.rule
    const demanded =
      from.every(({ source }) => source.requestPrincipals?.every((each) => /^https?:.+\/\*$/.test(each))) &&
      when.some(({ key, values }) => key === 'request.auth.audiences' && values.length > 0)
    return demanded ? [] : [`${nameOf(call)} is let through without a valid token`]
  })
}

function mutualTlsStrict(objects: readonly ApiObject[]): string[] {
  const policies = objects.filter(({ kind }) => kind === 'PeerAuthentication')
  const strict = { mtls: { mode: 'STRICT' } }
  return [
    ...policies
      .filter(({ spec }) => JSON.stringify(spec) !== JSON.stringify(strict))
      .map(({ metadata }) => `PeerAuthentication ${metadata.namespace}/${metadata.name} is not just STRICT`),
    ...Object.values(namespaces)
      .filter((name) => !policies.some(({ metadata }) => metadata.namespace === name))
      .map((name) => `${name} has no PeerAuthentication`),
  ]
}

/** Without a rule an ALLOW policy matches nothing; with an empty one it would match all. */
function deniedByDefault(objects: readonly ApiObject[]): string[] {
  return Object.values(namespaces).flatMap((name) =>
    [
      { kind: 'AuthorizationPolicy', spec: { action: 'ALLOW' } },
      { kind: 'NetworkPolicy', spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] } },
    ]
      .filter(
        ({ kind, spec }) =>
          !ofKind(objects, kind, name).some((each) => JSON.stringify(each.spec) === JSON.stringify(spec)),
      )
      .map(({ kind }) => `${name} has no ${kind} that denies all`),
  )
}

interface Route {
  name: string
  match?: { method: { exact: string }; uri: { exact?: string; regex?: string }; headers?: object }[]
  timeout?: string
  retries: { attempts: number; retryOn?: string; perTryTimeout?: string; backoff?: string }
}

function retriesHarmless(objects: readonly ApiObject[], { edges }: Graph): string[] {
  return ofKind(objects, 'VirtualService', namespaces.services).flatMap(({ metadata, spec }) =>
    ((spec?.http ?? []) as Route[])
      .filter(({ retries }) => retries.attempts > 0 && !isUnsent(retries.retryOn))
      .flatMap((route) => {
        const calls = edges.filter((call) => call.callee === metadata.name && covers(route, call))
        const keyed = route.match?.every(({ headers }) => headers && 'idempotency-key' in headers)
        const harmless = calls.every(
          ({ kind, caller }) => kind === 'query' || (kind === 'command' && (caller !== edge || keyed)),
        )
        const inTime = calls.every(
          ({ deadline }) =>
            millisecondsOf(route.timeout) <= deadline &&
            millisecondsOf(route.retries.perTryTimeout) < deadline,
        )
        const where = `${metadata.name}, route ${route.name}`
        return [
          ...(calls.length > 0 && harmless ? [] : [`${where}: is retried, but a second try may do harm`]),
          ...(inTime ? [] : [`${where}: a try takes longer than the operation's deadline`]),
        ]
      }),
  )
}

/**
 * Whether only what the callee has seen nothing of is sent again.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on
 */
const isUnsent = (retryOn = '') =>
  retryOn.split(',').every((condition) => ['connect-failure', 'refused-stream'].includes(condition))

/** None is no bound. */
const millisecondsOf = (duration: string | undefined) =>
  duration === undefined ? Number.POSITIVE_INFINITY : Number(/^(\d+)ms$/.exec(duration)?.[1])

/** Istio would refuse the whole object, and callers would have no policy at all. */
function timeoutsValid(objects: readonly ApiObject[]): string[] {
  return ofKind(objects, 'VirtualService', namespaces.services).flatMap(({ metadata, spec }) =>
    ((spec?.http ?? []) as Route[]).flatMap(({ name, timeout, retries }) =>
      [timeout, retries.perTryTimeout]
        .filter((duration) => duration !== undefined && !(millisecondsOf(duration) > 1))
        .map(
          (duration) => `${metadata.name}, route ${name}: ${duration} is no time; leave it out for no bound`,
        ),
    ),
  )
}

const covers = (route: Route, call: Edge) =>
  (route.match ?? []).some(({ method, uri }) => {
    const path = call.path.replaceAll(/\{\w+\}/g, 'x')
    return (
      method.exact === call.method &&
      (uri.exact === path || (uri.regex !== undefined && new RegExp(`^(${uri.regex})$`).test(path)))
    )
  })

/** Exactly the declared callees, and what every workload needs. */
function proxiesKnowTheirNeeds(objects: readonly ApiObject[], graph: Graph): string[] {
  const sidecars = ofKind(objects, 'Sidecar', namespaces.services)
  return graph.services.flatMap((service) => {
    const spec = sidecars.find(({ metadata }) => metadata.name === service.name)?.spec
    if (!spec) return [`${service.name} has no Sidecar: its proxy would know everything`]
    const hosts = (spec.egress as { hosts: string[] }[]).flatMap((each) => each.hosts)
    const within = (namespace: string) => hosts.filter((host) => host.startsWith(`${namespace}/`))
    const callees = within(namespaces.services).map((host) => host.split(/[/.]/)[1]!)
    const mode = (spec.outboundTrafficPolicy as { mode: string }).mode
    return [
      ...(String(callees.sort()) === String(calleesOf(graph, service.name))
        ? []
        : [`${service.name}: its proxy knows ${callees.join(', ') || 'nobody'}, not just its callees`]),
      ...(within(namespaces.databases).length === (service.database ? 1 : 0)
        ? []
        : [`${service.name}: its proxy does not know just its database`]),
      ...(within(namespaces.limits).length === (isLimited(graph, service.name) ? 1 : 0)
        ? []
        : [`${service.name}: its proxy does not know the rate limit service, or need not`]),
      ...(within(collector.namespace).length === 1
        ? []
        : [`${service.name}: its proxy does not know the collector`]),
      ...(mode === 'REGISTRY_ONLY' ? [] : [`${service.name}: its proxy lets unknown hosts through`]),
    ]
  })
}

/** Entries stay in their namespace and name one host each; a proxy knows those that its service declares. */
function outsideHostsDeclared(objects: readonly ApiObject[], { services }: Graph): string[] {
  const entries = ofKind(objects, 'ServiceEntry', namespaces.services).map(({ spec }) => ({
    host: String(spec?.hosts),
    exportTo: String(spec?.exportTo),
  }))
  const known = ofKind(objects, 'Sidecar', namespaces.services).flatMap(({ metadata, spec }) =>
    ((spec?.egress ?? []) as { hosts: string[] }[])
      .flatMap(({ hosts }) => hosts)
      .filter((host) => host.startsWith('./'))
      .map((host) => ({ service: metadata.name, host: host.slice(2) })),
  )
  return [
    ...entries
      .filter(({ host, exportTo }) => exportTo !== '.' || /[*,]/.test(host))
      .map(({ host }) => `${host} is more than one host of one namespace`),
    ...entries
      .filter(({ host }) => !known.some((each) => each.host === host))
      .map(({ host }) => `${host} is known to the registry, but to no proxy`),
    ...known
      .filter(({ host }) => !entries.some((entry) => entry.host === host))
      .map(({ service, host }) => `${service}: its proxy knows ${host}, which has no entry`),
    ...services.flatMap(({ name, outside }) => {
      const hosts = known.filter(({ service }) => service === name).length
      const declared = Object.keys(outside).length
      const wall = ofKind(objects, 'NetworkPolicy', namespaces.services).some(
        ({ metadata }) => metadata.name === `${name}-outside`,
      )
      return hosts <= declared && hosts > 0 === declared > 0 && wall === declared > 0
        ? []
        : [`${name} declares ${declared} outside hosts, its policies let it reach others`]
    }),
  ]
}

/** Spans withhold what would name a person; a named provider of metrics would break proxies that have no such filter. */
function telemetryNamesNobody(objects: readonly ApiObject[]): string[] {
  return Object.values(namespaces).flatMap((name) => {
    const [found] = ofKind(objects, 'Telemetry', name)
    if (!found) return [`${name} has no Telemetry`]
    const { metrics, tracing = [] } = (found.spec ?? {}) as {
      metrics?: unknown
      tracing?: { customTags?: object; disableSpanReporting?: boolean }[]
    }
    return [
      ...(metrics ? [`${name}: Telemetry names a provider of metrics`] : []),
      ...(tracing.every(
        ({ customTags = {}, disableSpanReporting }) => disableSpanReporting || 'user_agent' in customTags,
      )
        ? []
        : [`${name}: spans tell the user agent`]),
    ]
  })
}

interface CollectorRule {
  from?: { source: { namespaces?: string[]; principals?: string[] } }[]
  to?: { operation: { ports?: string[]; paths?: string[] } }[]
}

/**
 * The collector takes telemetry from each namespace of ours but its own, one identity fetches its numbers, and its proxy
 * knows one host, that of who keeps traces.
 */
function collectorAdmitsOurs(objects: readonly ApiObject[]): string[] {
  const senders = Object.values(namespaces).filter((name) => name !== collector.namespace)
  const rules = ofKind(objects, 'AuthorizationPolicy', collector.namespace)
    .filter(({ metadata }) => metadata.name === collector.name)
    .flatMap(({ spec }) => (spec?.rules ?? []) as CollectorRule[])
  const fetching = (rule: CollectorRule) =>
    String(rule.to?.map(({ operation }) => operation.paths)) === '/metrics'
  const who = (rule: CollectorRule) =>
    (rule.from ?? [{ source: {} }]).flatMap(
      ({ source }) =>
        (rule.to?.every(({ operation }) => operation.ports && operation.paths) &&
          (fetching(rule) ? source.principals : source.namespaces)) || ['anybody, or what is no telemetry'],
    )
  const admitted = rules.filter((rule) => !fetching(rule)).flatMap(who)
  const scraping = rules.filter(fetching).flatMap(who)
  const known = ofKind(objects, 'Sidecar', collector.namespace)
    .filter(({ metadata }) => metadata.name === collector.name)
    .flatMap(({ spec }) => ((spec?.egress ?? []) as { hosts: string[] }[]).flatMap(({ hosts }) => hosts))
  return [
    ...(String(admitted.sort()) === String(senders.sort())
      ? []
      : [`The collector admits ${admitted.join(', ') || 'nobody'}`]),
    ...(scraping.length === 1 && /\/sa\/[^*]+$/.test(scraping[0]!)
      ? []
      : [`The numbers of the collector are for ${scraping.join(', ') || 'nobody'}`]),
    ...(known.length === 1 && !known[0]!.includes('*')
      ? []
      : [`The proxy of the collector knows ${known.join(', ') || 'everything'}`]),
  ]
}

interface JwtRule {
  issuer: string
  audiences?: string[]
  forwardOriginalToken?: boolean
  outputClaimToHeaders?: { header: string; claim: string }[]
}

/** Each sidecar takes the tokens that policies demand, passes them on, and writes every header that services read. */
function tokensBecomeHeaders(objects: readonly ApiObject[], { services }: Graph): string[] {
  const demanded = new Set(
    passes(objects).flatMap(({ rule }) =>
      (rule.from ?? []).flatMap(({ source }) => source.requestPrincipals ?? []),
    ),
  )
  const headers = Object.entries(identityHeaders).map(([claim, header]) => `${claim} → ${header}`)
  return services.flatMap(({ name, contract }) => {
    const found = ofKind(objects, 'RequestAuthentication', namespaces.services).filter(
      ({ metadata }) => metadata.name === name,
    )
    const rules = found.flatMap(({ spec }) => spec?.jwtRules as JwtRule[])
    if (rules.length !== 1) return [`${name} takes tokens of ${rules.length} issuers`]
    const [rule] = rules as [JwtRule]
    const forJobs = Object.values(contract.operations).some(({ access }) => access.includes('job'))
    const taken = forJobs ? [audiences.user, audiences.job] : [audiences.user]
    const written = (rule.outputClaimToHeaders ?? []).map(({ claim, header }) => `${claim} → ${header}`)
    return [
      ...([...demanded].every((each) => each === `${rule.issuer}/*`)
        ? []
        : [`${name} takes tokens of ${rule.issuer}, policies demand others`]),
      ...(String(rule.audiences) === String(taken)
        ? []
        : [`${name} takes tokens for ${rule.audiences ?? 'anybody'}, not just ${taken.join(', ')}`]),
      ...(rule.forwardOriginalToken ? [] : [`${name} does not pass the token on`]),
      ...(String(written.sort()) === String(headers.sort())
        ? []
        : [`${name} is told ${written.join(', ') || 'nothing'} of the caller, not ${headers.join(', ')}`]),
    ]
  })
}

interface TrafficPolicy {
  loadBalancer?: { simple?: string; localityLbSetting?: { enabled?: boolean } }
  connectionPool?: { tcp?: { maxConnections?: number }; http?: { http2MaxRequests?: number } }
  outlierDetection?: { consecutive5xxErrors?: number; maxEjectionPercent?: number; minHealthPercent?: number }
  retryBudget?: { percent?: number; minRetryConcurrency?: number }
}

/** Retries and ejections are bounded, so that an outage is not made worse; subsets leave that as it is. */
function outagesBounded(objects: readonly ApiObject[], { services }: Graph): string[] {
  return services.flatMap(({ name }) => {
    const spec = ofKind(objects, 'DestinationRule', namespaces.services).find(
      ({ metadata }) => metadata.name === name,
    )?.spec
    const { loadBalancer, connectionPool, outlierDetection, retryBudget } = (spec?.trafficPolicy ??
      {}) as TrafficPolicy
    const subsets = (spec?.subsets ?? []) as { name: string; trafficPolicy?: object }[]
    const routes = ofKind(objects, 'VirtualService', namespaces.services)
      .filter(({ metadata }) => metadata.name === name)
      .flatMap((virtual) => virtual.spec?.http as Route[])
    const bounds = {
      'retries are a fifth of the load at most': retryBudget?.percent === 20,
      'one retry at a time is always allowed': retryBudget?.minRetryConcurrency === 1,
      // On average half of it, with one at a time: ten a second.
      'a retry waits, so that those of one at a time are few': routes.every(
        ({ retries }) =>
          retries.attempts === 0 || (retries.backoff !== undefined && millisecondsOf(retries.backoff) >= 200),
      ),
      'a failing replica is left out': (outlierDetection?.consecutive5xxErrors ?? 0) > 0,
      'half of the replicas stay in': outlierDetection?.maxEjectionPercent === 50,
      'the last replica stays in': (outlierDetection?.minHealthPercent ?? 0) > 0,
      'the least busy replica answers, a near one first':
        loadBalancer?.simple === 'LEAST_REQUEST' && loadBalancer.localityLbSetting?.enabled === true,
      'connections and requests have a limit':
        (connectionPool?.tcp?.maxConnections ?? 0) > 0 && (connectionPool?.http?.http2MaxRequests ?? 0) > 0,
      'no version has a policy of its own': subsets.every(({ trafficPolicy }) => trafficPolicy === undefined),
    }
    return Object.entries(bounds).flatMap(([bound, holds]) =>
      holds ? [] : [`${name}: it must be that ${bound}`],
    )
  })
}

/** Whether it is the caller's proxy or the callee's that says so. */
function failuresAreProblems(objects: readonly ApiObject[]): string[] {
  return [namespaces.services, namespaces.edge].flatMap((namespace) => {
    const filter = ofKind(objects, 'EnvoyFilter', namespace).find(
      ({ metadata }) => metadata.name === 'failure-problems',
    )
    const patches = (filter?.spec?.configPatches ?? []) as { match: { context: string } }[]
    return ['SIDECAR_INBOUND', 'SIDECAR_OUTBOUND'].flatMap((context) => {
      const replies = JSON.stringify(patches.filter(({ match }) => match.context === context))
      return failures
        .filter((code) => !replies.includes(`"${problemBase}${code}"`))
        .map((code) => `${namespace}: a proxy's own ${code} is no problem document, ${context}`)
    })
  })
}

function policiesSayWhy(objects: readonly ApiObject[]): string[] {
  return objects
    .filter(({ apiVersion }) => /istio[.]io|networking[.]k8s[.]io/.test(apiVersion))
    .filter(({ metadata }) => !metadata.annotations?.[because])
    .map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name} has no ${because}`)
}

const ofKind = (objects: readonly ApiObject[], kind: string, namespace: string) =>
  objects.filter((each) => each.kind === kind && each.metadata.namespace === namespace)

/** What must hold of the traffic policy, each by the name that a failure is known by. */
export const meshChecks: Readonly<Record<string, Check>> = {
  'declared calls are allowed': declaredCallsAllowed,
  'undeclared calls are denied': undeclaredCallsDenied,
  'tokens are demanded': tokensDemanded,
  'mutual TLS is strict': mutualTlsStrict,
  'nothing is allowed by default': deniedByDefault,
  'retries do no harm': retriesHarmless,
  'timeouts are valid': timeoutsValid,
  'proxies know what they need': proxiesKnowTheirNeeds,
  'outside hosts are declared': outsideHostsDeclared,
  'telemetry names nobody': telemetryNamesNobody,
  'the collector admits ours': collectorAdmitsOurs,
  'tokens become headers': tokensBecomeHeaders,
  'outages are bounded': outagesBounded,
  'failures are problems': failuresAreProblems,
  'policies say why': policiesSayWhy,
}
