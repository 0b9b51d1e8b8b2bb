import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { deadlineHeader } from '#kit/call.ts'
import { identityHeaders } from '#kit/caller.ts'
import { maxBodyOf, type Operations } from '#kit/contract.ts'
import { type KitProblem, kitProblems, problemBase } from '#kit/problem.ts'
import { maxPublicBody } from '../../services/edge/routes.ts'
import { services } from '../../services/index.ts'
import { edge, graphOf } from '../graph.ts'
import { edgeAnnotations, kongEdge } from './index.ts'
import { open, priorityOf } from './ingress.ts'
import type { EdgeObject } from './kong.ts'
import { kongValues } from './kong-values.ts'
import { edgeRoutes } from './routes.ts'

const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const key = { ...publicKey.export({ format: 'jwk' }), kid: 'Thumb_print-1', use: 'sig', alg: 'RS256' }
const next = { ...key, kid: 'Thumb_print-2' }
const options = {
  host: 'api.example.com',
  tls: { secret: 'edge-tls' },
  origins: ['https://hr.example.com'],
  jwks: JSON.stringify({ keys: [key, next] }),
}
const rendered = kongEdge(services, options)
const objects = Object.values(rendered).flat()
const ingresses = rendered.routes!.filter(({ kind }) => kind === 'Ingress')
const graph = graphOf(services)
const fromOutside = graph.edges.filter((call) => call.caller === edge)

interface Spec {
  tls: { hosts: string[]; secretName: string }[]
  rules: { host: string; http: { paths: { path: string; backend: { service: { name: string } } }[] } }[]
}
const annotation = ({ metadata }: EdgeObject, name: string) => metadata.annotations[name] ?? ''
const pluginsOf = (object: EdgeObject) => annotation(object, 'konghq.com/plugins').split(',')
const methodsOf = (object: EdgeObject) => annotation(object, 'konghq.com/methods').split(',')
const placeOf = ({ fields }: EdgeObject) => (fields.spec as Spec).rules[0]!.http.paths[0]!
const configOf = (name: string) =>
  objects.find(({ kind, metadata }) => kind === 'KongPlugin' && metadata.name === name)!.fields
    .config as Record<string, unknown>

/** The routes that take a request, as Kong finds them: the first is what it takes. */
const matching = (method: string, path: string) =>
  ingresses
    .filter((object) => {
      const pattern = placeOf(object).path
      const matches = pattern.startsWith('/~')
        ? new RegExp(`^${pattern.slice(2)}`).test(path)
        : `${path}/`.startsWith(`${pattern}/`)
      return matches && methodsOf(object).includes(method)
    })
    .sort((a, b) => priority(b) - priority(a))
const priority = (object: EdgeObject) => Number(annotation(object, 'konghq.com/regex-priority'))

/** Routes that anybody may use although nobody said why. */
const openWithoutReason = (routes: EdgeObject[]) =>
  routes
    .filter((route) => !annotation(route, open) && !pluginsOf(route).includes('edge-token'))
    .map(({ metadata }) => metadata.name)

describe('ways in', () => {
  it('are exactly the declared ones', () => {
    for (const { method, path, callee, operation } of fromOutside) {
      const [taken] = matching(method, path.replaceAll(/\{\w+\}/g, '0192'))
      expect(placeOf(taken!).backend.service.name, `${method} ${path}`).toBe(callee)
      expect(annotation(taken!, 'staffmesh.dev/because')).toMatch(
        operation.startsWith('/') ? 'publicPaths' : `${operation} in`,
      )
    }
    const routed = ingresses.filter((object) => !methodsOf(object).includes('OPTIONS'))
    expect(routed.flatMap(methodsOf)).toHaveLength(fromOutside.length)
  })

  it('end where a path ends, and take a dot for a dot', () => {
    for (const path of ['/v1/employees/1/more', '/v1/employeesx', '/oidc/xwell-known/openid-configuration'])
      expect(matching('GET', path)).toEqual([])
    expect(matching('POST', '/searchEmployees')).toEqual([])
  })

  it('demand a token, but for those that say why not', () => {
    expect(openWithoutReason(ingresses)).toEqual([])
    const declared = services.flatMap(({ publicPaths }) => publicPaths.map(({ because }) => because))
    const reasons = ingresses.map((route) => annotation(route, open)).filter(Boolean)
    expect(reasons.slice(0, declared.length)).toEqual(declared)
    expect(ingresses.length - reasons.length).toBe(
      fromOutside.filter((call) => call.access.length > 0).length,
    )
    // The rest are preflights, which end at the edge.
    for (const route of ingresses.filter(
      (object) => reasons.indexOf(annotation(object, open)) >= declared.length,
    ))
      expect([methodsOf(route), pluginsOf(route)]).toEqual([['OPTIONS'], ['edge-cors', 'edge-preflight']])
  })

  it('are missed when their token check is dropped', () => {
    const broken = structuredClone(ingresses)
    const route = broken.find(({ metadata }) => metadata.name === 'workforce-get-employee')!
    route.metadata.annotations['konghq.com/plugins'] = pluginsOf(route)
      .filter((plugin) => plugin !== 'edge-token')
      .join(',')
    expect(openWithoutReason(broken)).toEqual(['workforce-get-employee'])
  })

  it('take bodies as large as declared', () => {
    for (const { callee, operation, method, path } of fromOutside) {
      const operations: Operations = services.find(({ name }) => name === callee)!.contract.operations
      const op = operations[operation]
      const [taken] = matching(method, path.replaceAll(/\{\w+\}/g, '0192'))
      const limits = pluginsOf(taken!).filter((plugin) => plugin.startsWith('edge-body-'))
      expect(limits.map((plugin) => configOf(plugin).allowed_payload_size)).toEqual([
        op ? maxBodyOf(op) : maxPublicBody,
      ])
    }
  })

  it('hold no answer of a stream and no body of an upload back', () => {
    for (const route of edgeRoutes(services)) {
      const object = ingresses.find(({ metadata }) => metadata.name === route.name)!
      expect(annotation(object, 'konghq.com/response-buffering')).toBe(route.isStream ? 'false' : '')
      expect(annotation(object, 'konghq.com/request-buffering')).toBe(route.isUpload ? 'false' : '')
    }
    expect(edgeRoutes(services).filter((route) => route.isStream)).not.toEqual([])
  })

  it('are by HTTPS, to which others are redirected', () => {
    for (const object of ingresses) {
      expect(annotation(object, 'konghq.com/protocols')).toBe('https')
      expect(annotation(object, 'konghq.com/https-redirect-status-code')).toBe('308')
      expect((object.fields.spec as Spec).tls).toEqual([{ hosts: [options.host], secretName: 'edge-tls' }])
    }
    expect(configOf('edge-answer').add).toEqual({
      headers: expect.arrayContaining([expect.stringMatching(/^Strict-Transport-Security:max-age=\d{8};/)]),
    })
  })

  it('prefer a segment that is spelt out to a parameter', () => {
    expect(priorityOf('/v1/imports/latest')).toBeGreaterThan(priorityOf('/v1/imports/{id}'))
    expect(priorityOf('/v1/a/{x}')).toBeGreaterThan(priorityOf('/v1/{x}/b'))
  })

  it('are refused where two are the same', () => {
    const [first] = services.filter(({ publicPaths }) => publicPaths.length > 0)
    expect(() => edgeRoutes([first!, first!])).toThrow('rename one of the paths')
  })
})

describe('errors that Kong makes itself', () => {
  it('are the documents that services answer, for all requests', () => {
    const [all, ...others] = objects.filter(({ kind }) => kind === 'KongClusterPlugin')
    expect(others).toEqual([])
    expect(all!.metadata.labels).toEqual({ global: 'true' })
    const { header_filter: headers, body_filter: body } = all!.fields.config as Record<string, string[]>
    expect(headers!.join()).toContain('"Content-Type", "application/problem+json"')
    const documents = [...body!.join().matchAll(/\[(\d+)\] = \[==\[(.*)\]==\]/g)].map(([, status, text]) => ({
      at: Number(status),
      ...(JSON.parse(text!) as { status: number; type: string }),
    }))
    expect(documents.map(({ at }) => at)).toEqual([401, 404, 413, 429, 500, 502, 503, 504])
    for (const { at, status, type } of documents) {
      expect(status).toBe(at)
      expect(kitProblems[type.replace(problemBase, '') as KitProblem].status).toBe(at)
    }
  })
})

describe('plugins', () => {
  it('named by a route or a Service are there', () => {
    const named = [
      ...ingresses.flatMap(pluginsOf),
      ...[...edgeAnnotations(services).values()].flatMap(
        (annotations) => annotations['konghq.com/plugins']?.split(',') ?? [],
      ),
    ]
    const there = objects.filter(({ kind }) => kind === 'KongPlugin').map(({ metadata }) => metadata.name)
    expect([...new Set(named)].sort()).toEqual(there.sort())
  })

  it('keep out what only the edge and the sidecars may say', () => {
    const { headers } = configOf('edge-headers').remove as { headers: string[] }
    expect(headers).toEqual(expect.arrayContaining([...Object.values(identityHeaders), deadlineHeader]))
    for (const route of ingresses.filter((object) => !methodsOf(object).includes('OPTIONS')))
      expect(pluginsOf(route)).toContain('edge-headers')
  })

  it('take a token from its header only, by the key that it names, while it is valid', () => {
    expect(configOf('edge-token')).toEqual({
      key_claim_name: 'kid',
      header_names: ['authorization'],
      uri_param_names: [],
      cookie_names: [],
      claims_to_verify: ['exp'],
      run_on_preflight: true,
      realm: 'staffmesh',
    })
  })

  it('count a token per service as often as declared', () => {
    for (const service of services.filter(({ layer }) => layer === 'application')) {
      expect(configOf(`edge-limit-${service.name}`)).toMatchObject({
        minute: service.limits.perToken.requests,
        limit_by: 'header',
      })
      const hasty = { ...service, limits: { ...service.limits, perToken: { requests: 1, seconds: 7 } } }
      expect(() => kongEdge([...services.filter((other) => other !== service), hasty], options)).toThrow(
        'Kong only knows windows of 1, 60, 3600',
      )
    }
  })

  it('let no page of another origin in where none is declared', () => {
    const closed = Object.values(kongEdge(services, { ...options, origins: [] })).flat()
    expect(JSON.stringify(closed)).not.toContain('cors')
  })
})

describe('signing keys', () => {
  it('are credentials of one consumer, each there before it is named', () => {
    const [secret, other, consumer] = rendered.keys!
    expect(secret).toMatchObject({
      kind: 'Secret',
      metadata: { labels: { 'konghq.com/credential': 'jwt' } },
      fields: { stringData: { algorithm: 'RS256', key: key.kid } },
    })
    expect(secret!.metadata.name).toMatch(/^[a-z\d-]+$/)
    expect(secret!.fields.stringData).toHaveProperty(
      'rsa_public_key',
      publicKey.export({ type: 'spki', format: 'pem' }),
    )
    expect(consumer).toMatchObject({
      kind: 'KongConsumer',
      fields: { credentials: [secret!.metadata.name, other!.metadata.name] },
    })
  })

  it('are refused where one is missing', () => {
    const jwks = JSON.stringify({ keys: [key] })
    expect(() => kongEdge(services, { ...options, jwks })).toThrow('the current and the next')
  })
})

describe('the mesh behind Kong', () => {
  it('balances and retries alone', () => {
    const annotations = edgeAnnotations(services)
    expect([...annotations.keys()].sort()).toEqual(
      [...new Set(fromOutside.map((call) => call.callee))].sort(),
    )
    for (const [service, found] of annotations)
      expect(found).toMatchObject({
        'ingress.kubernetes.io/service-upstream': 'true',
        'konghq.com/host-header': `${service}.staffmesh.svc.cluster.local`,
        'konghq.com/retries': '0',
      })
    for (const { callee, kind, deadline } of fromOutside)
      if (kind !== 'stream')
        expect(Number(annotations.get(callee)!['konghq.com/read-timeout'])).toBeGreaterThan(deadline)
  })

  it('knows Kong by the identity of the edge', () => {
    const { gateway } = kongValues(services, { replicas: { min: 2, max: 4 } }, true)
    expect(gateway.deployment.serviceAccount.name).toBe(edge)
    expect(gateway.podLabels).toEqual({ 'app.kubernetes.io/part-of': edge })
  })
})

describe('one route, whole', () => {
  it('reads as', () => {
    const route = ingresses.find(({ metadata }) => metadata.name === 'workforce-watch-import')
    expect(route).toMatchInlineSnapshot(`
      {
        "apiVersion": "networking.k8s.io/v1",
        "fields": {
          "spec": {
            "ingressClassName": "kong",
            "rules": [
              {
                "host": "api.example.com",
                "http": {
                  "paths": [
                    {
                      "backend": {
                        "service": {
                          "name": "workforce",
                          "port": {
                            "name": "http-api",
                          },
                        },
                      },
                      "path": "/~/v1/imports/[^/]+/events$",
                      "pathType": "ImplementationSpecific",
                    },
                  ],
                },
              },
            ],
            "tls": [
              {
                "hosts": [
                  "api.example.com",
                ],
                "secretName": "edge-tls",
              },
            ],
          },
        },
        "kind": "Ingress",
        "metadata": {
          "annotations": {
            "konghq.com/https-redirect-status-code": "308",
            "konghq.com/methods": "GET",
            "konghq.com/plugins": "edge-request-id,edge-token-key,edge-token,edge-body-0,edge-headers,edge-answer,edge-cors",
            "konghq.com/preserve-host": "false",
            "konghq.com/protocols": "https",
            "konghq.com/regex-priority": "29",
            "konghq.com/response-buffering": "false",
            "konghq.com/strip-path": "false",
            "staffmesh.dev/because": "watchImport in services/workforce/contract.ts",
          },
          "name": "workforce-watch-import",
          "namespace": "staffmesh",
        },
      }
    `)
  })
})
