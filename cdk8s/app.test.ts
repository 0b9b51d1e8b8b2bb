import { describe, expect, it } from 'vitest'
import { services } from '../services/index.ts'
import { manifestsOf } from './app.ts'
import { type Environment, environmentOf, environments } from './environments.ts'
import { checkFields } from './field-check.ts'

interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string }
  spec?: Record<string, unknown>
}

const jwks = '{"keys":[]}'
const objectsOf = async (environment: Environment) =>
  [...(await manifestsOf(services, environment, jwks)).values()].flat() as Manifest[]

describe.each(Object.values(environments))('the manifests of $name', (environment) => {
  it('are the same each time', async () => {
    expect(await objectsOf(environment)).toEqual(await objectsOf(environment))
  })

  it('have only fields that the schemas know', async () => {
    expect(await checkFields(await objectsOf(environment))).toEqual([])
  })

  it('name each object once', async () => {
    const names = (await objectsOf(environment)).map((o) =>
      [o.kind, o.metadata.namespace, o.metadata.name].join('/'),
    )
    expect(names).toEqual([...new Set(names)])
  })

  it('run nothing as root, with privileges or with a token of the API server', async () => {
    const pods = (await objectsOf(environment)).flatMap((object) => {
      const template = object.spec?.template as { spec: PodSpec } | undefined
      return template ? [template.spec] : []
    })
    expect(pods.length).toBeGreaterThan(services.length)
    for (const pod of pods) {
      expect(pod.automountServiceAccountToken).toBe(false)
      for (const container of pod.containers)
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          capabilities: { drop: ['ALL'] },
          seccompProfile: { type: 'RuntimeDefault' },
        })
    }
  })
})

interface PodSpec {
  automountServiceAccountToken: boolean
  containers: { securityContext: unknown; env?: unknown[] }[]
  volumes: { name: string; secret?: { secretName: string; items: { path: string }[] } }[]
}

describe('a service that declares files', () => {
  it('finds each where its variable says, in its server and nowhere else', async () => {
    const podsWithFiles = (await objectsOf(environmentOf('kind'))).flatMap(({ metadata, spec }) => {
      const pod = (spec?.template as { spec: PodSpec } | undefined)?.spec
      const secret = pod?.volumes.find(({ name }) => name === 'files')?.secret
      return secret ? [{ name: metadata.name, secret, env: pod!.containers[0]!.env }] : []
    })
    expect(podsWithFiles.map(({ name }) => name)).toEqual(['identity'])
    const [{ secret, env }] = podsWithFiles as [(typeof podsWithFiles)[0]]
    expect(secret.secretName).toBe('identity-files')
    expect(secret.items.map(({ path }) => path)).toEqual(['signing-keys.json', 'cookie-keys.json'])
    expect(env).toContainEqual({
      name: 'SIGNING_KEYS_FILE',
      value: '/etc/staffmesh/files/signing-keys.json',
    })
  })
})

describe('connections to databases', () => {
  const variablesOf = async (environment: Environment) =>
    (await objectsOf(environment)).flatMap(({ spec }) => {
      const pod = (spec?.template as { spec: PodSpec } | undefined)?.spec
      return (pod?.containers.flatMap(({ env }) => env ?? []) ?? []) as { name: string; value?: string }[]
    })

  it('outside the cluster verify the certificate, and its name', async () => {
    const urls = (await variablesOf(environmentOf('production'))).filter(({ name }) =>
      name.endsWith('DATABASE_URL'),
    )
    expect(urls.length).toBeGreaterThan(services.length)
    for (const { value } of urls)
      expect(value).toMatch(
        /@postgres[a-z-]*\.internal:5432\/\w+\?sslmode=verify-full&sslrootcert=[a-z/-]+ca\.crt$/,
      )
  })

  it('have their passwords from Secrets', async () => {
    for (const { value } of await variablesOf(environmentOf('kind')))
      if (value?.startsWith('postgres:')) expect(value).toMatch(/^postgres:\/\/\w+:\$\([A-Z_]+\)@/)
  })

  it('make a Job with another name where their host changes', async () => {
    const jobsOf = async (environment: Environment) =>
      (await objectsOf(environment)).flatMap(({ kind, metadata }) => (kind === 'Job' ? [metadata.name] : []))
    const kind = environmentOf('kind')
    const moved: Environment = {
      ...kind,
      instances: { ...kind.instances, other: kind.instances.main! },
      instanceOf: { directory: 'other' },
    }
    const [before, after] = await Promise.all([jobsOf(kind), jobsOf(moved)])
    const changed = after.filter((name) => !before.includes(name))
    expect(changed.map((name) => name.replace(/-[0-9a-f]{8}$/, '').replace(/-[\d-]+$/, '')).sort()).toEqual([
      'directory-migration',
      'directory-provisioning',
    ])
  })
})

describe('the check of fields', () => {
  it('finds a misspelt field and names its path', async () => {
    const objects = await objectsOf(environmentOf('bare'))
    const deployment = structuredClone(objects.find((object) => object.kind === 'Deployment')!)
    deployment.spec!.strategie = {}
    const [problem, ...others] = await checkFields([deployment])
    expect(problem).toMatch(/^Deployment \w+: spec\.strategie: .*strategie.* does not exist/)
    expect(others).toEqual([])
  })
})

describe('wrong values', () => {
  it('are refused with the remedy', async () => {
    expect(() => environmentOf('prod')).toThrow('use --env kind|bare|staging|production')
    const tight: Environment = {
      ...environmentOf('production'),
      instances: { main: { maxConnections: 20 } },
      instanceOf: {},
    }
    await expect(manifestsOf(services, tight, jwks)).rejects.toThrow('Raise maxConnections')
  })
})
