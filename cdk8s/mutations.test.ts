import { expect, it } from 'vitest'
import type { ApiObject } from '../mesh/checks.ts'
import { graphOf } from '../mesh/graph.ts'
import { services } from '../services/index.ts'
import { manifestsOf } from './app.ts'
import { faultsIn } from './checks.ts'
import { type Environment, environmentOf } from './environments.ts'

const graph = graphOf(services)
const jwks = '{"keys":[]}'
const objectsOf = async (environment: Environment, declared: Parameters<typeof manifestsOf>[0] = services) =>
  structuredClone([...(await manifestsOf(declared, environment, jwks)).values()].flat())

/** An object of the copy, open to any harm. */
const named = (objects: ApiObject[], kind: string, name: string): Spec =>
  objects.find((object) => object.kind === kind && object.metadata.name === name)!
const specOf = (objects: ApiObject[], kind: string, name: string): Spec => named(objects, kind, name).spec

// Harm is done without types: that is what makes it harm.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Spec = Record<string, any>

const failing = (objects: ApiObject[]) => [...faultsIn(objects, graph).keys()]

/** What the key rotation may do with a kind of objects. */
const rightsTo = (objects: ApiObject[], resource: string): Spec =>
  named(objects, 'Role', 'identity-key-rotation').rules.find((rule: Spec) =>
    rule.resources.includes(resource),
  )

const podOf = (objects: ApiObject[], kind: string, name: string): Spec =>
  specOf(objects, kind, name).template.spec

it('finds nothing where nothing is changed', async () => {
  expect(failing(await objectsOf(environmentOf('kind')))).toEqual([])
})

it('misses a call that is dropped from the declarations', async () => {
  const declared = services.map((service) => {
    if (service.name !== 'workforce') return service
    const { directory, ...others } = service.calls
    const operations = directory.operations.filter((name) => name !== 'hireEmployee')
    return { ...service, calls: { ...others, directory: { ...directory, operations } } }
  })
  const objects = await objectsOf(environmentOf('kind'), declared)
  expect([...faultsIn(objects, graph)]).toEqual([
    ['declared calls are allowed', ['workforce → directory.hireEmployee is let through by 0 rules, not 1']],
    ['tenants have their share', ['directory.hireEmployee is not counted once, by its tenant']],
  ])
})

const policy = (objects: ApiObject[]) => specOf(objects, 'AuthorizationPolicy', 'directory')
const workforceRule = (objects: ApiObject[]) =>
  policy(objects).rules.find((rule: Spec) => rule.from[0].source.principals[0].endsWith('/workforce'))

const filterOf = (objects: ApiObject[], name: string): Spec =>
  specOf(objects, 'EnvoyFilter', name).configPatches[0].patch.value.typed_config
const globalFilter = (objects: ApiObject[], service: string) => filterOf(objects, `${service}-global-limits`)
const localFilter = (objects: ApiObject[], service: string) => filterOf(objects, `${service}-tenant-limits`)
const jwtRule = (objects: ApiObject[]): Spec =>
  specOf(objects, 'RequestAuthentication', 'workforce').jwtRules[0]

/** Changes what the rate limit service is told. */
function changeLimits(objects: ApiObject[], harm: (configuration: Spec) => void): void {
  const { data } = objects.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.namespace === 'staffmesh-limits',
  )!
  const configuration = JSON.parse(data!['limits.yaml']!)
  harm(configuration)
  data!['limits.yaml'] = JSON.stringify(configuration)
}

const mutations: [name: string, check: string, harm: (objects: ApiObject[]) => void][] = [
  ['a rule that is lost', 'declared calls are allowed', (o) => policy(o).rules.pop()],
  [
    'a principal that is loosened',
    'undeclared calls are denied',
    (o) => workforceRule(o).from[0].source.principals.push('*'),
  ],
  [
    'one path more',
    'undeclared calls are denied',
    (o) => workforceRule(o).to[0].operation.paths.push('/deleteTenantData'),
  ],
  [
    'a rule for anybody',
    'undeclared calls are denied',
    (o) => policy(o).rules.push({ to: [{ operation: { paths: ['/hireEmployee'] } }] }),
  ],
  [
    'a call without a token',
    'tokens are demanded',
    (o) => delete workforceRule(o).from[0].source.requestPrincipals,
  ],
  ['a token for somebody else', 'tokens are demanded', (o) => delete workforceRule(o).when],
  [
    'mutual TLS that is permissive',
    'mutual TLS is strict',
    (o) => Object.assign(specOf(o, 'PeerAuthentication', 'default').mtls, { mode: 'PERMISSIVE' }),
  ],
  [
    'a port without mutual TLS',
    'mutual TLS is strict',
    (o) =>
      Object.assign(specOf(o, 'PeerAuthentication', 'default'), {
        portLevelMtls: { 8080: { mode: 'DISABLE' } },
      }),
  ],
  [
    'a namespace where nothing is denied',
    'nothing is allowed by default',
    (o) =>
      o.splice(
        o.findIndex(({ metadata }) => metadata.name === 'deny-all'),
        1,
      ),
  ],
  [
    'a command from outside that is retried without its key',
    'retries do no harm',
    (o) => {
      const routes: Spec[] = specOf(o, 'VirtualService', 'workforce').http
      delete routes.find(({ name }) => name.endsWith('-with-key'))!.match[0].headers
    },
  ],
  [
    'a stream that is retried',
    'retries do no harm',
    (o) => {
      const routes: Spec[] = specOf(o, 'VirtualService', 'directory').http
      Object.assign(routes.find(({ name }) => name === 'events')!.retries, { retryOn: 'reset' })
    },
  ],
  [
    'a try that is longer than the deadline',
    'retries do no harm',
    (o) =>
      Object.assign(specOf(o, 'VirtualService', 'directory').http[0].retries, { perTryTimeout: '99999ms' }),
  ],
  [
    'a timeout that Istio refuses',
    'timeouts are valid',
    (o) => {
      const routes: Spec[] = specOf(o, 'VirtualService', 'directory').http
      Object.assign(routes.find(({ name }) => name === 'events')!, { timeout: '0s' })
    },
  ],
  [
    'a proxy that does not know the collector',
    'proxies know what they need',
    (o) => {
      const [egress] = specOf(o, 'Sidecar', 'workforce').egress
      egress.hosts = egress.hosts.filter((host: string) => !host.startsWith('observability/'))
    },
  ],
  [
    'a proxy that knows one service more',
    'proxies know what they need',
    (o) =>
      specOf(o, 'Sidecar', 'directory').egress[0].hosts.push(
        'staffmesh/identity.staffmesh.svc.cluster.local',
      ),
  ],
  [
    'a proxy that lets unknown hosts through',
    'proxies know what they need',
    (o) => Object.assign(specOf(o, 'Sidecar', 'directory').outboundTrafficPolicy, { mode: 'ALLOW_ANY' }),
  ],
  [
    'a policy that does not say why',
    'policies say why',
    (o) => {
      for (const each of o) if (each.kind === 'DestinationRule') delete each.metadata.annotations
    },
  ],
  [
    'a container as root',
    'pods are restricted',
    (o) => Object.assign(podOf(o, 'Deployment', 'identity').containers[0].securityContext, { runAsUser: 0 }),
  ],
  [
    'a container with a capability',
    'pods are restricted',
    (o) =>
      Object.assign(podOf(o, 'StatefulSet', 'main').containers[0].securityContext.capabilities, {
        add: ['ALL'],
      }),
  ],
  [
    'a token of the API server',
    'rights are narrow',
    (o) => Object.assign(podOf(o, 'Deployment', 'identity'), { automountServiceAccountToken: true }),
  ],
  [
    'a ServiceAccount that gives its token to every pod',
    'rights are narrow',
    (o) => Object.assign(named(o, 'ServiceAccount', 'directory'), { automountServiceAccountToken: true }),
  ],
  [
    'a container of a CronJob as root',
    'pods are restricted',
    (o) =>
      Object.assign(
        specOf(o, 'CronJob', 'identity-key-rotation').jobTemplate.spec.template.spec.containers[0]
          .securityContext,
        { runAsUser: 0 },
      ),
  ],
  ['a wildcard in a Role', 'rights are narrow', (o) => rightsTo(o, 'deployments').resources.push('*')],
  ['a Role that reads all Secrets', 'rights are narrow', (o) => delete rightsTo(o, 'secrets').resourceNames],
  ['a Role that lists Secrets', 'rights are narrow', (o) => rightsTo(o, 'secrets').verbs.push('list')],
  [
    'a Role that names what is none of its business',
    'rights are narrow',
    (o) => rightsTo(o, 'secrets').resourceNames.push('admin'),
  ],
  [
    'rights for a service',
    'rights are narrow',
    (o) =>
      named(o, 'RoleBinding', 'identity-key-rotation').subjects.push({
        kind: 'ServiceAccount',
        name: 'directory',
      }),
  ],
  [
    'rights on the whole cluster',
    'rights are narrow',
    (o) => Object.assign(named(o, 'Role', 'identity-key-rotation'), { kind: 'ClusterRole' }),
  ],
  ['a port without a name', 'ports are named', (o) => delete specOf(o, 'Service', 'directory').ports[0].name],
  [
    'a port that is taken twice',
    'ports are free',
    (o) => {
      const { ports } = specOf(o, 'Service', 'directory')
      ports.push({ ...ports[0], name: 'http-other' })
    },
  ],
  [
    'a port of the sidecar',
    'ports are free',
    (o) =>
      Object.assign(podOf(o, 'Deployment', 'directory').containers[0].ports[0], { containerPort: 15021 }),
  ],
  [
    'a Secret without a name',
    'secrets are named',
    (o) => {
      const { volumes } = podOf(o, 'StatefulSet', 'main')
      delete volumes.find(({ name }: Spec) => name === 'superuser').secret.secretName
    },
  ],
  [
    'a password in the manifest',
    'connections are safe',
    (o) => {
      const { env } = podOf(o, 'Deployment', 'directory').containers[0]
      const url = env.find(({ name }: Spec) => name === 'DATABASE_URL')
      url.value = url.value.replace('$(APP_PASSWORD)', 'hunter2')
    },
  ],
  [
    'a database that admits a stranger',
    'databases admit their own',
    (o) =>
      specOf(o, 'AuthorizationPolicy', 'main').rules[0].from[0].source.principals.push(
        'cluster.local/ns/staffmesh/sa/workforce',
      ),
  ],
  [
    'a database that admits anybody',
    'databases admit their own',
    (o) => specOf(o, 'AuthorizationPolicy', 'main').rules.push({}),
  ],
  [
    'a migration that is not admitted',
    'databases admit their own',
    (o) => {
      const { source } = specOf(o, 'AuthorizationPolicy', 'main').rules[0].from[0]
      source.principals = source.principals.filter((each: string) => !each.endsWith('/directory-migration'))
    },
  ],
  [
    'a database that packets reach from anywhere',
    'packets reach databases from their own',
    (o) => delete specOf(o, 'NetworkPolicy', 'main').ingress[0].from,
  ],
  [
    'metrics by a provider that is named',
    'telemetry names nobody',
    (o) =>
      Object.assign(specOf(o, 'Telemetry', 'default'), {
        metrics: [{ providers: [{ name: 'prometheus' }] }],
      }),
  ],
  [
    'spans with what a browser calls itself',
    'telemetry names nobody',
    (o) => delete specOf(o, 'Telemetry', 'default').tracing[0].customTags,
  ],
  [
    'a collector that admits anybody',
    'the collector admits ours',
    (o) => delete specOf(o, 'AuthorizationPolicy', 'otel-collector').rules[0].from,
  ],
  [
    'a collector that a namespace does not reach',
    'the collector admits ours',
    (o) => specOf(o, 'AuthorizationPolicy', 'otel-collector').rules[0].from[0].source.namespaces.pop(),
  ],
  [
    'a collector that answers more than telemetry',
    'the collector admits ours',
    (o) => delete specOf(o, 'AuthorizationPolicy', 'otel-collector').rules[0].to[0].operation.paths,
  ],
  [
    'numbers of the collector that anybody may fetch',
    'the collector admits ours',
    (o) => delete specOf(o, 'AuthorizationPolicy', 'otel-collector').rules[1].from,
  ],
  [
    'a collector that calls somebody',
    'the collector admits ours',
    (o) => specOf(o, 'Sidecar', 'otel-collector').egress[0].hosts.push('*/*'),
  ],
  [
    'a proxy that does not know the rate limit service',
    'proxies know what they need',
    (o) => {
      const [egress] = specOf(o, 'Sidecar', 'workforce').egress
      egress.hosts = egress.hosts.filter((host: string) => !host.startsWith('staffmesh-limits/'))
    },
  ],
  [
    'a limit that nobody asks for',
    'limits are counted',
    (o) => globalFilter(o, 'workforce').rate_limits.shift(),
  ],
  [
    'a limit that the rate limit service is not told of',
    'limits are counted',
    (o) => changeLimits(o, (configuration) => configuration.descriptors.pop()),
  ],
  [
    'a limit wider than declared',
    'limits are counted',
    (o) =>
      changeLimits(o, (configuration) =>
        Object.assign(configuration.descriptors[0].descriptors[0].rate_limit, { requests_per_unit: 1e9 }),
      ),
  ],
  [
    'a rate limit service that must answer',
    'limits are counted',
    (o) => Object.assign(globalFilter(o, 'workforce'), { failure_mode_deny: true }),
  ],
  [
    'a rate limit service asked past mutual TLS',
    'limits are counted',
    (o) =>
      Object.assign(globalFilter(o, 'workforce').rate_limit_service.grpc_service.envoy_grpc, {
        cluster_name: 'ratelimit',
      }),
  ],
  [
    'a rate limit service that admits anybody',
    'limits admit their own',
    (o) => delete specOf(o, 'AuthorizationPolicy', 'ratelimit').rules[0].from,
  ],
  [
    'a store that a service reaches',
    'limits admit their own',
    (o) =>
      specOf(o, 'AuthorizationPolicy', 'ratelimit-store').rules[0].from[0].source.principals.push(
        'cluster.local/ns/staffmesh/sa/workforce',
      ),
  ],
  [
    'an operation that counts for no tenant',
    'tenants have their share',
    (o) => localFilter(o, 'directory').rate_limits[0].actions.pop(),
  ],
  [
    'a bucket larger than declared',
    'tenants have their share',
    (o) => Object.assign(localFilter(o, 'directory').descriptors[0].token_bucket, { tokens_per_fill: 1e6 }),
  ],
  [
    'room for few tenants',
    'tenants have their share',
    (o) => delete localFilter(o, 'directory').max_dynamic_descriptors,
  ],
  [
    'a refusal without a time',
    'refusals say when to try again',
    (o) => delete localFilter(o, 'directory').response_headers_to_add,
  ],
  [
    'a refusal that is no problem document',
    'refusals say when to try again',
    (o) => specOf(o, 'EnvoyFilter', 'limit-problems').configPatches.pop(),
  ],
  [
    'tokens of another issuer',
    'tokens become headers',
    (o) => Object.assign(jwtRule(o), { issuer: 'https://elsewhere.example' }),
  ],
  ['tokens for anybody', 'tokens become headers', (o) => delete jwtRule(o).audiences],
  [
    'tokens for jobs where no job calls',
    'tokens become headers',
    (o) => jwtRule(o).audiences.push('staffmesh-jobs'),
  ],
  [
    'a token that ends at the sidecar',
    'tokens become headers',
    (o) => delete jwtRule(o).forwardOriginalToken,
  ],
  [
    'a header that no claim overwrites',
    'tokens become headers',
    (o) => jwtRule(o).outputClaimToHeaders.pop(),
  ],
  [
    'retries without bounds',
    'outages are bounded',
    (o) => delete specOf(o, 'DestinationRule', 'directory').trafficPolicy.retryBudget,
  ],
  [
    'retries that follow at once',
    'outages are bounded',
    (o) => delete specOf(o, 'VirtualService', 'directory').http[0].retries.backoff,
  ],
  [
    "a proxy's failure that clients cannot read",
    'failures are problems',
    (o) => specOf(o, 'EnvoyFilter', 'failure-problems').configPatches.pop(),
  ],
  [
    'a service whose replicas may all be left out',
    'outages are bounded',
    (o) =>
      Object.assign(specOf(o, 'DestinationRule', 'directory').trafficPolicy.outlierDetection, {
        maxEjectionPercent: 100,
      }),
  ],
  [
    'a service whose last replica is left out',
    'outages are bounded',
    (o) => delete specOf(o, 'DestinationRule', 'directory').trafficPolicy.outlierDetection.minHealthPercent,
  ],
  [
    'load that goes round',
    'outages are bounded',
    (o) =>
      Object.assign(specOf(o, 'DestinationRule', 'directory').trafficPolicy.loadBalancer, {
        simple: 'ROUND_ROBIN',
      }),
  ],
  ['an object that is there twice', 'names are unique', (o) => o.push(o.at(-1)!)],
]

it.each(mutations)('catches %s: %s', async (_name, check, harm) => {
  const objects = await objectsOf(environmentOf('kind'))
  harm(objects)
  expect(failing(objects)).toEqual([check])
})

const tried: Environment = {
  ...environmentOf('kind'),
  canary: {
    service: 'directory',
    tag: 'next',
    weight: 10,
    header: { name: 'x-staffmesh-version', value: 'next' },
  },
}
const routeTo = (objects: ApiObject[]): Spec =>
  specOf(objects, 'VirtualService', 'directory').http[0].route[0]

const mutationsOfVersions: [name: string, check: string, harm: (objects: ApiObject[]) => void][] = [
  [
    'a Deployment that takes its canary for its own',
    'pods have one owner',
    (o) =>
      Object.assign(specOf(o, 'Deployment', 'directory').selector, {
        matchLabels: { 'app.kubernetes.io/part-of': 'directory', 'app.kubernetes.io/component': 'server' },
      }),
  ],
  [
    'a canary that a policy does not hold for',
    'versions are guarded alike',
    (o) =>
      Object.assign(specOf(o, 'RequestAuthentication', 'directory').selector, {
        matchLabels: { 'app.kubernetes.io/name': 'directory' },
      }),
  ],
  [
    'a canary without pods',
    'versions are there',
    (o) =>
      o.splice(
        o.findIndex(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'directory-canary'),
        1,
      ),
  ],
  [
    'a route to a version that is not there',
    'versions are there',
    (o) => Object.assign(routeTo(o).destination, { subset: 'next' }),
  ],
  ['a route to any version', 'versions are there', (o) => delete routeTo(o).destination.subset],
  [
    'weights that do not add up',
    'versions are there',
    (o) => Object.assign(specOf(o, 'VirtualService', 'directory').http.at(-1).route[0], { weight: 80 }),
  ],
]

it.each(mutationsOfVersions)('catches %s: %s', async (_name, check, harm) => {
  const objects = await objectsOf(tried)
  expect(failing(objects)).toEqual([])
  harm(objects)
  expect(failing(objects)).toEqual([check])
})

const notifying = services.map((service) =>
  service.name === 'lifecycle'
    ? {
        ...service,
        outside: { mail: { protocol: 'tls', address: 'MAIL', because: 'mails are sent' } } as const,
      }
    : service,
)
const withMail: Environment = {
  ...environmentOf('kind'),
  outside: { lifecycle: { mail: { host: 'mail.example.com', port: 465 } } },
}
const hostsOf = (objects: ApiObject[], service: string): string[] =>
  specOf(objects, 'Sidecar', service).egress[0].hosts

const mutationsOfOutsideHosts: [name: string, harm: (objects: ApiObject[]) => void][] = [
  [
    'an outside host for all namespaces',
    (o) => Object.assign(specOf(o, 'ServiceEntry', 'mail.example.com'), { exportTo: ['*'] }),
  ],
  [
    'an outside host that is any host',
    (o) => {
      Object.assign(specOf(o, 'ServiceEntry', 'mail.example.com'), { hosts: ['*.com'] })
      hostsOf(o, 'lifecycle').splice(hostsOf(o, 'lifecycle').indexOf('./mail.example.com'), 1, './*.com')
    },
  ],
  ['an outside host for who declares none', (o) => hostsOf(o, 'directory').push('./mail.example.com')],
  ['an outside host without an entry', (o) => hostsOf(o, 'lifecycle').push('./elsewhere.example.com')],
  [
    'an outside host whose packets are stopped',
    (o) =>
      o.splice(
        o.findIndex(({ metadata }) => metadata.name === 'lifecycle-outside'),
        1,
      ),
  ],
]

it.each(mutationsOfOutsideHosts)('catches %s', async (_name, harm) => {
  const objects = await objectsOf(withMail, notifying)
  expect([...faultsIn(objects, graphOf(notifying)).keys()]).toEqual([])
  harm(objects)
  expect([...faultsIn(objects, graphOf(notifying)).keys()]).toEqual(['outside hosts are declared'])
})

it('catches a connection to an outside database that trusts anybody', async () => {
  const objects = await objectsOf(environmentOf('production'))
  const { env } = podOf(objects, 'Deployment', 'directory').containers[0]
  const url = env.find(({ name }: Spec) => name === 'DATABASE_URL')
  url.value = url.value.replace('verify-full', 'require')
  expect(failing(objects)).toEqual(['connections are safe'])
})

it.each<[string, (env: Spec[]) => void]>([
  [
    'without TLS',
    (env) =>
      env.splice(
        env.findIndex(({ name }) => name === 'REDIS_TLS'),
        1,
      ),
  ],
  [
    'without a password',
    (env) =>
      env.splice(
        env.findIndex(({ name }) => name === 'REDIS_AUTH'),
        1,
      ),
  ],
])('catches an outside store that is reached %s', async (_how, harm) => {
  const objects = await objectsOf(environmentOf('production'))
  harm(podOf(objects, 'Deployment', 'ratelimit').containers[0].env)
  expect(failing(objects)).toEqual(['the store is safe'])
})
