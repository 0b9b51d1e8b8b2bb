import { Yaml } from 'cdk8s'
import { expect, it } from 'vitest'
import { services } from '../services/index.ts'
import { limitConfiguration } from './global-limits.ts'
import { graphOf } from './graph.ts'
import { mesh } from './index.ts'
import { keyRotationPolicies } from './key-rotation.ts'

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
        fromHeaders:
          - name: Authorization
            prefix: "Bearer "
          - name: Authorization
            prefix: "bearer "
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
          - staffmesh-limits/ratelimit.staffmesh-limits.svc.cluster.local
          - staffmesh/directory.staffmesh.svc.cluster.local
          - staffmesh/identity.staffmesh.svc.cluster.local
          - staffmesh/leave.staffmesh.svc.cluster.local
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
                app.kubernetes.io/part-of: selfservice
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
            podSelector:
              matchLabels:
                app.kubernetes.io/part-of: otel-collector
        ports:
          - protocol: TCP
            port: 4318
          - protocol: TCP
            port: 4317
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
                - cluster.local/ns/staffmesh/sa/leave
                - cluster.local/ns/staffmesh/sa/leave-migration
                - cluster.local/ns/staffmesh-data/sa/leave-provisioning
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
        minHealthPercent: 25
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
      backoff: 200ms
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
      attempts: 2
      retryOn: connect-failure,refused-stream
      backoff: 200ms
    route:
      - destination:
          host: workforce
          subset: stable
    "
  `)
})

/** The HTTP filter that an EnvoyFilter adds. */
function filterOf(concern: string, name: string) {
  const { spec } = policies[concern]!.find(({ metadata }) => metadata.name === name)!
  const [{ patch }] = spec.configPatches as [
    { patch: { value: { typed_config: Record<string, unknown> & { descriptors: object[] } } } },
  ]
  return patch.value.typed_config
}

it('tenants’ limits on one replica: the bucket of a command', () => {
  const { descriptors } = filterOf('local-limits', 'directory-tenant-limits')
  expect(Yaml.stringify(descriptors.at(-1)!)).toMatchInlineSnapshot(`
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

it('limits over all replicas: what a sidecar asks', () => {
  expect(Yaml.stringify(filterOf('global-limits', 'identity-global-limits'))).toMatchInlineSnapshot(`
    ""@type": type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit
    domain: staffmesh
    failure_mode_deny: false
    timeout: 0.1s
    rate_limit_service:
      transport_api_version: V3
      grpc_service:
        envoy_grpc:
          cluster_name: outbound|8081||ratelimit.staffmesh-limits.svc.cluster.local
          authority: ratelimit.staffmesh-limits.svc.cluster.local
    rate_limits:
      - actions:
          - header_value_match:
              descriptor_key: service
              descriptor_value: identity
              headers:
                - name: x-forwarded-for
                  present_match: true
          - masked_remote_address:
              v4_prefix_mask_len: 32
              v6_prefix_mask_len: 64
    enable_x_ratelimit_headers: DRAFT_VERSION_03
    response_headers_to_add:
      - append_action: OVERWRITE_IF_EXISTS_OR_ADD
        header:
          key: retry-after
          value: "1"
    "
  `)
})

it('limits over all replicas: what the rate limit service is told', () => {
  expect(Yaml.stringify(limitConfiguration(graphOf(services)))).toMatchInlineSnapshot(`
    "domain: staffmesh
    descriptors:
      - key: service
        value: identity
        descriptors:
          - key: masked_remote_address
            rate_limit:
              unit: minute
              requests_per_unit: 600
      - key: service
        value: lifecycle
        descriptors:
          - key: masked_remote_address
            rate_limit:
              unit: minute
              requests_per_unit: 12000
          - key: kind
            value: query
            descriptors:
              - key: tenant
                rate_limit:
                  unit: minute
                  requests_per_unit: 18000
                value_to_metric: true
          - key: kind
            value: command
            descriptors:
              - key: tenant
                rate_limit:
                  unit: minute
                  requests_per_unit: 3600
                value_to_metric: true
      - key: service
        value: selfservice
        descriptors:
          - key: masked_remote_address
            rate_limit:
              unit: minute
              requests_per_unit: 12000
          - key: kind
            value: query
            descriptors:
              - key: tenant
                rate_limit:
                  unit: minute
                  requests_per_unit: 18000
                value_to_metric: true
          - key: kind
            value: command
            descriptors:
              - key: tenant
                rate_limit:
                  unit: minute
                  requests_per_unit: 3600
                value_to_metric: true
      - key: service
        value: workforce
        descriptors:
          - key: masked_remote_address
            rate_limit:
              unit: minute
              requests_per_unit: 12000
          - key: kind
            value: query
            descriptors:
              - key: tenant
                rate_limit:
                  unit: minute
                  requests_per_unit: 18000
                value_to_metric: true
          - key: kind
            value: command
            descriptors:
              - key: tenant
                rate_limit:
                  unit: minute
                  requests_per_unit: 3600
                value_to_metric: true
    "
  `)
})

it('limits over all replicas: who may ask', () => {
  expect(golden('global-limits', 'AuthorizationPolicy', 'ratelimit')).toMatchInlineSnapshot(`
    "kind: AuthorizationPolicy
    selector:
      matchLabels:
        app.kubernetes.io/part-of: ratelimit
    action: ALLOW
    rules:
      - from:
          - source:
              principals:
                - cluster.local/ns/staffmesh/sa/identity
                - cluster.local/ns/staffmesh/sa/lifecycle
                - cluster.local/ns/staffmesh/sa/selfservice
                - cluster.local/ns/staffmesh/sa/workforce
        to:
          - operation:
              ports:
                - "8081"
              methods:
                - POST
              paths:
                - /envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit
      - from:
          - source:
              principals:
                - cluster.local/ns/observability/sa/prometheus
        to:
          - operation:
              ports:
                - "9102"
              methods:
                - GET
              paths:
                - /metrics
    "
  `)
})

it('telemetry: who may send it', () => {
  expect(golden('collector', 'AuthorizationPolicy', 'otel-collector')).toMatchInlineSnapshot(`
    "kind: AuthorizationPolicy
    selector:
      matchLabels:
        app.kubernetes.io/part-of: otel-collector
    action: ALLOW
    rules:
      - from:
          - source:
              namespaces:
                - staffmesh
                - staffmesh-data
                - staffmesh-edge
                - staffmesh-limits
        to:
          - operation:
              ports:
                - "4318"
                - "4317"
              methods:
                - POST
              paths:
                - /v1/traces
                - /opentelemetry.proto.collector.trace.v1.TraceService/Export
                - /v1/metrics
                - /opentelemetry.proto.collector.metrics.v1.MetricsService/Export
                - /v1/logs
                - /opentelemetry.proto.collector.logs.v1.LogsService/Export
      - from:
          - source:
              principals:
                - cluster.local/ns/observability/sa/prometheus
        to:
          - operation:
              ports:
                - "8889"
                - "8888"
              methods:
                - GET
              paths:
                - /metrics
    "
  `)
})

it('what the key rotation reaches', () => {
  const address = { service: 'edge', ports: [8080], host: 'staffmesh.test', https: false }
  const [sidecar] = keyRotationPolicies(graphOf(services), address)
  expect(Yaml.stringify(sidecar!.spec)).toMatchInlineSnapshot(`
    "workloadSelector:
      labels:
        app.kubernetes.io/part-of: identity-key-rotation
    outboundTrafficPolicy:
      mode: REGISTRY_ONLY
    egress:
      - hosts:
          - default/kubernetes.default.svc.cluster.local
          - observability/otel-collector.observability.svc.cluster.local
          - staffmesh-edge/edge.staffmesh-edge.svc.cluster.local
          - staffmesh/directory.staffmesh.svc.cluster.local
          - staffmesh/identity.staffmesh.svc.cluster.local
          - staffmesh/leave.staffmesh.svc.cluster.local
          - staffmesh/lifecycle.staffmesh.svc.cluster.local
          - staffmesh/selfservice.staffmesh.svc.cluster.local
          - staffmesh/workforce.staffmesh.svc.cluster.local
    "
  `)
})
