import { beforeAll, describe, expect, it } from 'vitest'
import { services } from '../services/index.ts'
import { manifestsOf } from './app.ts'
import { type Environment, environmentOf } from './environments.ts'

// biome-ignore lint/suspicious/noExplicitAny: objects of several kinds
type Any = any

const jwks = '{"keys":[]}'
const objectsOf = async (environment: Environment): Promise<Any[]> =>
  [...(await manifestsOf(services, environment, jwks)).values()].flat()
const named = (objects: Any[], kind: string) =>
  objects.find((object) => object.kind === kind && object.metadata.name === 'identity-key-rotation')
const variablesOf = (objects: Any[]): Record<string, string> =>
  Object.fromEntries(
    podOf(objects).containers[0].env.map(({ name, value }: { name: string; value: string }) => [name, value]),
  )
const podOf = (objects: Any[]) => named(objects, 'CronJob').spec.jobTemplate.spec.template.spec
const reach = (objects: Any[], resource: string): string[] =>
  named(objects, 'Role').rules.find(({ resources }: Any) => resources.includes(resource)).resourceNames

let production: Any[]
beforeAll(async () => {
  production = await objectsOf(environmentOf('production'))
})

describe('the key rotation', () => {
  it('may reach just what it is told of', () => {
    const told = variablesOf(production)
    expect(reach(production, 'requestauthentications')).toEqual(told.SERVICES!.split(','))
    expect(reach(production, 'deployments')).toEqual(told.DEPLOYMENTS!.split(','))
    expect(reach(production, 'secrets')).toEqual([
      told.SIGNING_KEYS_SECRET,
      ...told.EDGE_CREDENTIALS!.split(','),
    ])
  })

  it('keeps the keys of every sidecar that checks tokens', () => {
    const checking = production.filter(({ kind }) => kind === 'RequestAuthentication')
    expect(reach(production, 'requestauthentications').toSorted()).toEqual(
      checking.map(({ metadata }) => metadata.name).toSorted(),
    )
  })

  it("keeps the credentials of Kong's consumer, and none where the edge reads identity's JWKS", async () => {
    const { credentials } = production.find(({ kind }) => kind === 'KongConsumer')
    expect(variablesOf(production).EDGE_CREDENTIALS).toBe(String(credentials))
    expect(variablesOf(await objectsOf(environmentOf('bare')))).not.toHaveProperty('EDGE_CREDENTIALS')
  })

  it('may use no operation of anybody', () => {
    const policies = production.filter(({ kind }) => kind === 'AuthorizationPolicy')
    expect(JSON.stringify(policies)).not.toContain('key-rotation')
  })

  it('is suspended where no schedule is given, so that Jobs are made from it by hand', async () => {
    const suspended = (objects: Any[]) => named(objects, 'CronJob').spec.suspend
    expect(suspended(production)).toBe(false)
    expect(suspended(await objectsOf(environmentOf('kind')))).toBe(true)
  })

  it('has the pods of a canary replaced too', async () => {
    const canary = { service: 'identity', tag: 'v9', weight: 5, header: { name: 'x-version', value: 'next' } }
    const objects = await objectsOf({ ...environmentOf('kind'), canary })
    for (const name of variablesOf(objects).DEPLOYMENTS!.split(','))
      expect(
        objects.some(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name),
        name,
      ).toBe(true)
    expect(reach(objects, 'deployments')).toHaveLength(2)
  })
})

describe('the API server', () => {
  const username = 'system:serviceaccount:staffmesh:identity-key-rotation'

  it.each([
    ['staffmesh-signing-keys-sidecars', 'requestauthentications', `!= '${username}'`],
    ['staffmesh-signing-keys-edge', 'secrets', `!= '${username}'`],
    ['staffmesh-key-rotation', 'deployments', `== '${username}'`],
  ])('refuses by %s what is done to %s by whose name %s', (name, resource, who) => {
    const [policy, binding] = ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'].map((kind) =>
      production.find((object) => object.kind === kind && object.metadata.name === name),
    )
    expect(policy.spec).toMatchObject({
      failurePolicy: 'Fail',
      matchConstraints: { resourceRules: [{ resources: [resource], operations: ['UPDATE'] }] },
      matchConditions: [{ expression: `request.userInfo.username ${who}` }],
    })
    expect(binding.spec).toMatchObject({ policyName: name, validationActions: ['Deny'] })
  })
})
