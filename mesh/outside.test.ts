import { Yaml } from 'cdk8s'
import { describe, expect, it } from 'vitest'
import { type OutsideHost, service } from '#kit/service.ts'
import { counterContract } from '../services/kit/fixtures/counter/contract.ts'
import { graphOf } from './graph.ts'
import { outside, outsideHostsOf, outsideVariables } from './outside.ts'

const calling = (outsideHosts: Record<string, OutsideHost>) =>
  service({
    contract: counterContract,
    calls: {},
    slo: { availability: 0.999, latency: { query: 200, command: 500 } },
    scaling: { min: 1, max: 2, cpu: 70 },
    outside: outsideHosts,
  })

const counter = calling({
  hooks: { protocol: 'https', address: 'HOOKS_URL', deadline: 5000, because: 'who subscribed is told' },
  mail: { protocol: 'tcp', address: 'MAIL_ADDRESS', because: 'mail is sent' },
})
const addresses = {
  counter: { hooks: { host: 'hooks.example.com', port: 443 }, mail: { host: 'mail.example.com', port: 587 } },
}

describe('outside hosts', () => {
  it('are entries of their namespace, with TLS by the proxy where it is asked for, and holes for packets', () => {
    const rendered = outside(graphOf([counter]), addresses).map(({ kind, metadata, spec }) => ({
      kind,
      name: metadata.name,
      ...spec,
    }))
    expect(Yaml.stringify(...rendered)).toMatchInlineSnapshot(`
      "kind: ServiceEntry
      name: hooks.example.com
      hosts:
        - hooks.example.com
      location: MESH_EXTERNAL
      resolution: DNS
      ports:
        - number: 80
          name: http-80
          protocol: HTTP
          targetPort: 443
      exportTo:
        - "."
      ---
      kind: DestinationRule
      name: hooks.example.com
      host: hooks.example.com
      trafficPolicy:
        connectionPool:
          tcp:
            connectTimeout: 5s
        portLevelSettings:
          - port:
              number: 80
            tls:
              mode: SIMPLE
              sni: hooks.example.com
              subjectAltNames:
                - hooks.example.com
      exportTo:
        - "."
      ---
      kind: VirtualService
      name: hooks.example.com
      hosts:
        - hooks.example.com
      http:
        - name: outside
          route:
            - destination:
                host: hooks.example.com
                port:
                  number: 80
          timeout: 5000ms
          retries:
            attempts: 0
      exportTo:
        - "."
      ---
      kind: ServiceEntry
      name: mail.example.com
      hosts:
        - mail.example.com
      location: MESH_EXTERNAL
      resolution: DNS
      ports:
        - number: 587
          name: tcp-587
          protocol: TCP
      exportTo:
        - "."
      ---
      kind: DestinationRule
      name: mail.example.com
      host: mail.example.com
      trafficPolicy:
        connectionPool:
          tcp:
            connectTimeout: 5s
      exportTo:
        - "."
      ---
      kind: NetworkPolicy
      name: counter-outside
      podSelector:
        matchLabels:
          app.kubernetes.io/part-of: counter
      policyTypes:
        - Egress
      egress:
        - ports:
            - protocol: TCP
              port: 443
            - protocol: TCP
              port: 587
      "
    `)
  })

  it('are known to the proxy of who declares them, and told to its process', () => {
    expect(outsideHostsOf(graphOf([counter]), 'counter', addresses)).toEqual([
      './hooks.example.com',
      './mail.example.com',
    ])
    expect(outsideVariables(counter, addresses)).toEqual([
      { name: 'HOOKS_URL', value: 'http://hooks.example.com' },
      { name: 'MAIL_ADDRESS', value: 'mail.example.com:587' },
    ])
  })

  it('are refused where nobody says where they are, or by an address only', () => {
    const graph = graphOf([counter])
    expect(() => outside(graph)).toThrow("outside: { counter: { hooks: { host: '<DNS name>', port } } }")
    const byAddress = { counter: { ...addresses.counter, hooks: { host: '192.0.2.7', port: 443 } } }
    expect(() => outside(graph, byAddress)).toThrow('counter calls the outside host hooks: say where it is')
    const unknown = { counter: { ...addresses.counter, fax: { host: 'fax.example.com', port: 1 } } }
    expect(() => outside(graph, unknown)).toThrow('counter declares no outside host fax')
  })

  it('are refused where proxies could not tell them apart', () => {
    const tcp = { protocol: 'tcp', address: 'A', because: 'b' } as const
    const two = graphOf([calling({ one: tcp, other: tcp })])
    const at = (one: string, other: string) => ({
      counter: { one: { host: one, port: 25 }, other: { host: other, port: 25 } },
    })
    expect(() => outside(two, at('a.example.com', 'b.example.com'))).toThrow('cannot tell apart')
    expect(() => outside(two, at('a.example.com', 'a.example.com'))).not.toThrow()
  })
})
