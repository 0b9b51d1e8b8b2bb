import { Yaml } from 'cdk8s'
import { describe, expect, it } from 'vitest'
import type { ApiObject } from '../mesh/checks.ts'
import { services } from '../services/index.ts'
import { manifestsOf } from './app.ts'
import { demandsOf } from './connections.ts'
import { type Canary, type Environment, environmentOf } from './environments.ts'
import { checkFields } from './field-check.ts'

const production = environmentOf('production')
const canary: Canary = { service: 'workforce', tag: 'v0.2.0', weight: 10 }
const header = { name: 'x-staffmesh-version', value: 'next' }
const objectsOf = async (tried?: Canary) => {
  const environment: Environment = { ...production, ...(tried ? { canary: tried } : {}) }
  return [...(await manifestsOf(services, environment, '{"keys":[]}')).values()].flat() as ApiObject[]
}

// biome-ignore lint/suspicious/noExplicitAny: specs of all kinds
type Spec = any
const specOf = (objects: ApiObject[], kind: string, name: string): Spec =>
  objects.find((each) => each.kind === kind && each.metadata.name === name)?.spec

/** Where the requests of one operation go: the routes in their order. */
const routesOf = (objects: ApiObject[], operation: string) =>
  (specOf(objects, 'VirtualService', 'workforce').http as { name: string }[]).filter(({ name }) =>
    name.startsWith(operation),
  )

describe('a canary', () => {
  it('gets its share of each operation, and what asks for it, under the same timeouts and retries', async () => {
    const objects = await objectsOf({ ...canary, header })
    // Without aliases, as a chart writes it.
    expect(
      Yaml.stringify(...JSON.parse(JSON.stringify(routesOf(objects, 'hireEmployee-with-key')))),
    ).toMatchInlineSnapshot(`
      "name: hireEmployee-with-key-canary
      match:
        - method:
            exact: POST
          uri:
            exact: /v1/employees
          headers:
            idempotency-key:
              regex: .+
            x-staffmesh-version:
              exact: next
      timeout: 5000ms
      retries:
        attempts: 2
        perTryTimeout: 2500ms
        retryOn: connect-failure,refused-stream,reset,503
        backoff: 200ms
      route:
        - destination:
            host: workforce
            subset: canary
      ---
      name: hireEmployee-with-key
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
          weight: 90
        - destination:
            host: workforce
            subset: canary
          weight: 10
      "
    `)
  })

  it('at weight 0 is there for those alone who ask for it', async () => {
    const objects = await objectsOf({ ...canary, weight: 0, header })
    const [asked, others] = routesOf(objects, 'searchEmployees') as Spec[]
    expect(asked.match[0].headers).toEqual({ [header.name]: { exact: header.value } })
    expect(asked.route).toEqual([{ destination: { host: 'workforce', subset: 'canary' } }])
    expect(others.route).toEqual([{ destination: { host: 'workforce', subset: 'stable' }, weight: 100 }])
  })

  it('comes and goes without a change to the pods of the stable version', async () => {
    const [without, with_] = await Promise.all([objectsOf(), objectsOf({ ...canary, service: 'directory' })])
    for (const kind of ['Deployment', 'HorizontalPodAutoscaler', 'Service', 'PodDisruptionBudget'])
      expect(specOf(with_, kind, 'directory')).toEqual(specOf(without, kind, 'directory'))
    expect(specOf(with_, 'DestinationRule', 'directory')).toEqual(
      specOf(without, 'DestinationRule', 'directory'),
    )
  })

  it('runs its own image, and migrates with it; jobs stay with the stable version', async () => {
    const objects = await objectsOf({ ...canary, service: 'directory' })
    const images = objects
      .filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
      .map(({ kind, metadata, spec }) => [
        kind,
        metadata.name,
        (spec as Spec).template.spec.containers[0].image,
      ])
      .filter(([, , image]) => image.endsWith('/directory:v0.2.0'))
      .map(([kind, name]) => `${kind} ${name.replace(/-[\d-]+[0-9a-f]{8}$/, '')}`)
    expect(images.sort()).toEqual(['Deployment directory-canary', 'Job directory-migration'])
  })

  it('counts among the connections, with one replica more while it rolls', () => {
    const { pool } = services.find(({ name }) => name === 'directory')!.database!
    const fixedOf = (environment: Environment) => demandsOf(services, environment).get('directory')!.fixed
    const tried = { ...production, canary: { ...canary, service: 'directory', replicas: 2 } }
    expect(fixedOf(tried) - fixedOf(production)).toBe(3 * pool)
  })

  it('has only fields that the schemas know', async () => {
    expect(await checkFields(await objectsOf({ ...canary, header }))).toEqual([])
  })

  it.each<[what: string, canary: Canary, remedy: string]>([
    ['of nobody', { ...canary, service: 'payrol' }, 'has no such service; name one of'],
    ['with a weight below 0', { ...canary, weight: -1 }, 'give whole percents from 0 to 100'],
    ['with a weight above 100', { ...canary, weight: 101 }, 'give whole percents from 0 to 100'],
    ['without replicas', { ...canary, replicas: 0 }, 'give at least 1, or leave canary out'],
    ['of the stable tag', { ...canary, tag: production.images.tag }, 'is the version that runs already'],
    ['with a header in capitals', { ...canary, header: { name: 'X-V', value: '2' } }, 'in small letters'],
    [
      'by a header of ours',
      { ...canary, header: { name: 'idempotency-key', value: '2' } },
      'a header of its own',
    ],
  ])('%s is refused', async (_what, tried, remedy) => {
    await expect(objectsOf(tried)).rejects.toThrow(remedy)
  })
})
