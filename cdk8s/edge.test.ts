import { App } from 'cdk8s'
import { describe, expect, it } from 'vitest'
import { adminSecrets } from '../mesh/edge/certificate.ts'
import { services } from '../services/index.ts'
import { edgeCharts } from './edge.ts'
import { type Environment, environmentOf } from './environments.ts'
import { checkFields } from './field-check.ts'
import { helmValuesOf } from './helm-values.ts'

interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string }
  [field: string]: unknown
}

const objectsOf = (environment: Environment) =>
  edgeCharts(new App(), services, environment, '{"keys":[]}').flatMap((chart) => chart.toJson() as Manifest[])

const { tls, kong, ...production } = environmentOf('production')

describe('an edge that cannot be', () => {
  it.each([
    ['https without a certificate', { ...production, kong: kong! }, 'give tls: { clusterIssuer'],
    ['a certificate without https', { ...environmentOf('kind'), tls: tls! }, 'leave tls out'],
    ['a stand-in by https', { ...production, edge: 'stand-in' as const }, 'the stand-in speaks plain HTTP'],
  ])('is refused: %s', (_what, environment, remedy) => {
    expect(() => objectsOf(environment)).toThrow(remedy)
  })

  it('is refused: Kong without its values', () => {
    expect(() => helmValuesOf(services, { ...production, tls: tls! })).toThrow('give kong: { replicas')
  })
})

describe('the certificate', () => {
  it('comes from an issuer, or stands in a Secret', () => {
    const certificates = (environment: Environment) =>
      objectsOf(environment).filter(
        ({ kind, metadata }) => kind === 'Certificate' && metadata.name === 'edge',
      )
    const values = { ...production, kong: kong! }
    expect(certificates({ ...values, tls: { clusterIssuer: 'ours' } })).toMatchObject([
      { spec: { dnsNames: [production.domain], issuerRef: { name: 'ours' }, secretName: 'edge-tls' } },
    ])
    const named = { ...values, tls: { secret: 'bought' } }
    expect(certificates(named)).toEqual([])
    const [route] = objectsOf(named).filter(({ kind }) => kind === 'Ingress')
    expect(route).toMatchObject({ spec: { tls: [{ hosts: [production.domain], secretName: 'bought' }] } })
  })
})

describe('Kong’s administration', () => {
  it('is only for whom an authority of its own has certified', () => {
    const made = objectsOf(environmentOf('production')).flatMap(({ kind, spec }) =>
      kind === 'Certificate' ? [(spec as { secretName: string }).secretName] : [],
    )
    expect(made).toEqual(expect.arrayContaining(Object.values(adminSecrets)))
    const values = helmValuesOf(services, environmentOf('production')).get('kong-values.yaml')
    expect(values).toMatchObject({
      controller: { ingressController: { adminApi: { tls: { client: { enabled: true } } } } },
      gateway: {
        admin: { tls: { client: { secretName: adminSecrets.authority } } },
        manager: { enabled: false },
      },
    })
  })
})

describe('the check of Kong’s fields', () => {
  const pluginWith = (change: (object: Manifest) => void) => {
    const objects = structuredClone(objectsOf(environmentOf('production')))
    const plugin = objects.find(({ metadata }) => metadata.name === 'edge-token')!
    change(plugin)
    return checkFields([plugin])
  }

  it('finds a misspelt field, a missing one and an unknown plugin, with their paths', async () => {
    expect(await pluginWith(() => {})).toEqual([])
    expect(
      await pluginWith((plugin) => {
        const { uri_param_names: names, ...config } = plugin.config as Record<string, unknown>
        plugin.config = { ...config, uri_params: names }
      }),
    ).toEqual([
      expect.stringMatching(/^KongPlugin edge-token: config\.uri_param_names: /),
      expect.stringMatching(/^KongPlugin edge-token: config: .*"uri_params"/),
    ])
    expect(await pluginWith((plugin) => Object.assign(plugin, { plugin: 'jwtt' }))).toEqual([
      expect.stringMatching(/^KongPlugin edge-token: plugin: /),
    ])
    expect(await pluginWith((plugin) => Object.assign(plugin, { spec: {} }))).toEqual([
      expect.stringMatching(/^KongPlugin edge-token: .*"spec"/),
    ])
  })
})

describe('the stand-in', () => {
  it('has the identity of the edge and an address for each service that it leads to', () => {
    const deployment = objectsOf(environmentOf('bare')).find(({ kind }) => kind === 'Deployment')!
    expect(deployment).toMatchObject({
      metadata: { namespace: 'staffmesh-edge' },
      spec: {
        template: {
          metadata: { labels: { 'app.kubernetes.io/part-of': 'edge' } },
          spec: {
            serviceAccountName: 'edge',
            containers: [
              {
                env: expect.arrayContaining([
                  { name: 'IDENTITY_URL', value: 'http://identity.staffmesh.svc.cluster.local' },
                  { name: 'WORKFORCE_URL', value: 'http://workforce.staffmesh.svc.cluster.local' },
                ]),
              },
            ],
          },
        },
      },
    })
  })
})
