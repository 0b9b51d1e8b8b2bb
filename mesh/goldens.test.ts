import { Yaml } from 'cdk8s'
import { expect, it } from 'vitest'
import { services } from '../services/index.ts'
import { mesh } from './index.ts'

// One object a concern, small enough to be read in a review. `npx vitest run mesh/goldens.test.ts -u` renews them.
const policies = mesh(services, {
  issuer: { url: 'https://staffmesh.test/oidc', jwks: '{"keys":[]}' },
  instanceOf: () => 'main',
})

function golden(concern: string, kind: string, name: string): string {
  const found = policies[concern]!.find((each) => each.kind === kind && each.metadata.name === name)!
  return Yaml.stringify({ kind, ...found.spec })
}

it('mutual TLS', () => {
  expect(golden('mtls', 'PeerAuthentication', 'default')).toMatchInlineSnapshot(`
    "kind: PeerAuthentication
    mtls:
      mode: STRICT
    "
  `)
})

it('authorization', () => {
  expect(golden('authorization', 'AuthorizationPolicy', 'lifecycle')).toMatchInlineSnapshot(`
    "kind: AuthorizationPolicy
    selector:
      matchLabels:
        app.kubernetes.io/part-of: lifecycle
    action: ALLOW
    rules:
      - from:
          - source:
              principals:
                - cluster.local/ns/staffmesh-edge/sa/edge
              requestPrincipals:
                - https://staffmesh.test/oidc/*
        to:
          - operation:
              methods:
                - DELETE
              paths:
                - /v1/tenants/{*}/deletion
                - /v1/tenants/{*}/suspension
          - operation:
              methods:
                - GET
              paths:
                - /v1/processes
                - /v1/processes/{*}
                - /v1/tenants/{*}
                - /v1/tenants/{*}/exports/{*}
                - /v1/tenants/{*}/exports/{*}/records
          - operation:
              methods:
                - POST
              paths:
                - /v1/erasures
                - /v1/processes/{*}/retry
                - /v1/tenants
                - /v1/tenants/{*}/deletion
                - /v1/tenants/{*}/exports
                - /v1/tenants/{*}/invitations
                - /v1/tenants/{*}/suspension
        when:
          - key: request.auth.audiences
            values:
              - staffmesh
    "
  `)
})

it('authentication', () => {
  expect(golden('authentication', 'RequestAuthentication', 'workforce')).toMatchInlineSnapshot(`
    "kind: RequestAuthentication
    selector:
      matchLabels:
        app.kubernetes.io/part-of: workforce
    jwtRules:
      - issuer: https://staffmesh.test/oidc
        audiences:
          - staffmesh
        jwks: '{"keys":[]}'
        forwardOriginalToken: true
        outputClaimToHeaders:
          - header: x-staffmesh-account
            claim: sub
          - header: x-staffmesh-tenant
            claim: tid
          - header: x-staffmesh-client
            claim: azp
          - header: x-staffmesh-employee
            claim: emp
          - header: x-staffmesh-roles
            claim: roles
    "
  `)
})

it('egress', () => {
  expect(golden('egress', 'Sidecar', 'workforce')).toMatchInlineSnapshot(`
    "kind: Sidecar
    workloadSelector:
      labels:
        app.kubernetes.io/part-of: workforce
    outboundTrafficPolicy:
      mode: REGISTRY_ONLY
    egress:
      - hosts:
          - observability/otel-collector.observability.svc.cluster.local
          - staffmesh/directory.staffmesh.svc.cluster.local
          - staffmesh/identity.staffmesh.svc.cluster.local
    "
  `)
})

it('packets', () => {
  expect(golden('network', 'NetworkPolicy', 'directory')).toMatchInlineSnapshot(`
    "kind: NetworkPolicy
    podSelector:
      matchLabels:
        app.kubernetes.io/part-of: directory
    policyTypes:
      - Ingress
      - Egress
    ingress:
      - from:
          - namespaceSelector:
              matchLabels:
                kubernetes.io/metadata.name: staffmesh
            podSelector:
              matchLabels:
                app.kubernetes.io/part-of: lifecycle
          - namespaceSelector:
              matchLabels:
                kubernetes.io/metadata.name: staffmesh
            podSelector:
              matchLabels:
                app.kubernetes.io/part-of: workforce
        ports:
          - protocol: TCP
            port: 8080
    egress:
      - to:
          - namespaceSelector:
              matchLabels:
                kubernetes.io/metadata.name: staffmesh-data
            podSelector:
              matchLabels:
                app.kubernetes.io/part-of: main
        ports:
          - protocol: TCP
            port: 5432
      - to:
          - namespaceSelector:
              matchLabels:
                kubernetes.io/metadata.name: kube-system
            podSelector:
              matchLabels:
                k8s-app: kube-dns
        ports:
          - protocol: UDP
            port: 53
          - protocol: TCP
            port: 53
      - to:
          - namespaceSelector:
              matchLabels:
                kubernetes.io/metadata.name: istio-system
            podSelector:
              matchLabels:
                app: istiod
        ports:
          - protocol: TCP
            port: 15012
      - to:
          - namespaceSelector:
              matchLabels:
                kubernetes.io/metadata.name: observability
        ports:
          - protocol: TCP
            port: 4318
    "
  `)
})

it('databases', () => {
  expect(golden('databases', 'AuthorizationPolicy', 'main')).toMatchInlineSnapshot(`
    "kind: AuthorizationPolicy
    selector:
      matchLabels:
        app.kubernetes.io/part-of: main
    action: ALLOW
    rules:
      - from:
          - source:
              principals:
                - cluster.local/ns/staffmesh/sa/directory
                - cluster.local/ns/staffmesh/sa/directory-migration
                - cluster.local/ns/staffmesh-data/sa/directory-provisioning
                - cluster.local/ns/staffmesh/sa/identity
                - cluster.local/ns/staffmesh/sa/identity-migration
                - cluster.local/ns/staffmesh-data/sa/identity-provisioning
                - cluster.local/ns/staffmesh/sa/lifecycle
                - cluster.local/ns/staffmesh/sa/lifecycle-migration
                - cluster.local/ns/staffmesh-data/sa/lifecycle-provisioning
        to:
          - operation:
              ports:
                - "5432"
    "
  `)
})

it('destinations', () => {
  expect(golden('destinations', 'DestinationRule', 'directory')).toMatchInlineSnapshot(`
    "kind: DestinationRule
    host: directory
    subsets:
      - name: stable
        labels:
          service.istio.io/canonical-revision: stable
      - name: canary
        labels:
          service.istio.io/canonical-revision: canary
    trafficPolicy:
      loadBalancer:
        simple: LEAST_REQUEST
        localityLbSetting:
          enabled: true
      connectionPool:
        tcp:
          maxConnections: 200
          connectTimeout: 1s
        http:
          http1MaxPendingRequests: 200
          http2MaxRequests: 400
          maxRequestsPerConnection: 0
      outlierDetection:
        consecutive5xxErrors: 5
        interval: 5s
        baseEjectionTime: 15s
        maxEjectionPercent: 50
      retryBudget:
        percent: 20
        minRetryConcurrency: 1
    "
  `)
})

it('routes: a command from outside, with its key and without', () => {
  const { spec } = policies.routes!.find(({ metadata }) => metadata.name === 'workforce')!
  const routes = spec.http as { name: string }[]
  const hiring = routes.filter(({ name }) => name.startsWith('hireEmployee'))
  // Without aliases, as a chart writes it.
  expect(Yaml.stringify(...hiring.map((route) => JSON.parse(JSON.stringify(route))))).toMatchInlineSnapshot(`
    "name: hireEmployee-with-key
    match:
      - method:
          exact: POST
        uri:
          exact: /v1/employees
        headers:
          idempotency-key:
            regex: .+
    timeout: 5000ms
    retries:
      attempts: 2
      perTryTimeout: 2500ms
      retryOn: connect-failure,refused-stream,reset,503
    route:
      - destination:
          host: workforce
          subset: stable
    ---
    name: hireEmployee
    match:
      - method:
          exact: POST
        uri:
          exact: /v1/employees
    timeout: 5000ms
    retries:
      attempts: 0
    route:
      - destination:
          host: workforce
          subset: stable
    "
  `)
})

it('tenants’ limits: the bucket of a command', () => {
  const { spec } = policies['tenant-limits']!.find(
    ({ metadata }) => metadata.name === 'directory-tenant-limits',
  )!
  const [{ patch }] = spec.configPatches as [
    { patch: { value: { typed_config: { descriptors: object[] } } } },
  ]
  expect(Yaml.stringify(patch.value.typed_config.descriptors.at(-1)!)).toMatchInlineSnapshot(`
    "entries:
      - key: kind
        value: command
      - key: tenant
    token_bucket:
      max_tokens: 40
      tokens_per_fill: 20
      fill_interval: 1s
    "
  `)
})
