import { Yaml } from 'cdk8s'
import { describe, expect, it } from 'vitest'
import { istiodValues } from './istio-values.ts'
import { providers, telemetry } from './telemetry.ts'

const { extensionProviders } = istiodValues.meshConfig

describe('logs and traces of the proxies', () => {
  it('go to providers that the control plane is told of', () => {
    const declared = extensionProviders.map(({ name }) => name)
    expect(declared.sort()).toEqual(Object.values(providers).sort())
    const used = telemetry().flatMap(({ spec }) => JSON.stringify(spec).match(/staffmesh-[\w-]+/g) ?? [])
    expect([...new Set(used)].sort()).toEqual(declared)
  })

  it('hold nothing that a client wrote but the method, and no address', () => {
    const [logs] = extensionProviders.flatMap(({ envoyFileAccessLog: own }) => own?.logFormat.labels ?? [])
    const operators = Object.values(logs!).join(' ')
    expect(operators.match(/%REQ\w*\([^)]*\)%/g)).toEqual(['%REQ(:METHOD)%'])
    expect(operators).not.toMatch(/ADDRESS|PATH|QUERY|CERTIFICATE|SERVER_NAME/)
  })

  it('have a time to be sent in, without which a proxy takes no listener', () => {
    const exporters = extensionProviders.flatMap(({ opentelemetry }) => opentelemetry ?? [])
    expect(exporters.map(({ http }) => http.timeout)).toEqual([expect.stringMatching(/^[1-9]\d*s$/)])
  })

  it('are asked for in each namespace', () => {
    expect(Yaml.stringify({ kind: 'Telemetry', ...telemetry()[0]!.spec })).toMatchInlineSnapshot(`
      "kind: Telemetry
      accessLogging:
        - match:
            mode: CLIENT
          providers:
            - name: staffmesh-access-log
          filter:
            expression: "!has(xds.cluster_name) || !xds.cluster_name.endsWith('|otel-collector.observability.svc.cluster.local') || response.code >= 400"
        - match:
            mode: SERVER
          providers:
            - name: staffmesh-access-log
          filter:
            expression: response.code >= 400
      tracing:
        - providers:
            - name: staffmesh-traces
          randomSamplingPercentage: 100
          useRequestIdForTraceSampling: false
          customTags:
            user_agent:
              literal:
                value: withheld
      "
    `)
  })
})
