import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { services } from '../services/index.ts'
import { manifestsOf } from './app.ts'
import { type DatabaseInstance, type Environment, environmentOf, environments } from './environments.ts'
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
})

interface Variable {
  name: string
  value?: string
  valueFrom?: { secretKeyRef?: { name: string; key: string } }
}

interface PodSpec {
  containers: { env?: Variable[] }[]
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

describe('moving a database', () => {
  it('makes its Jobs anew, and no others', async () => {
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

describe('a service that calls hosts outside', () => {
  it('is told where they are, in fields that the schemas know', async () => {
    const declared = services.map((service) =>
      service.name === 'lifecycle'
        ? {
            ...service,
            outside: {
              hooks: { protocol: 'https', address: 'HOOKS_URL', deadline: 5000, because: 'told' },
              mail: { protocol: 'tls', address: 'MAIL_ADDRESS', because: 'sent' },
            } as const,
          }
        : service,
    )
    const outside = {
      lifecycle: { hooks: { host: 'hooks.example', port: 443 }, mail: { host: 'mail.example', port: 465 } },
    }
    const environment = { ...environmentOf('kind'), outside }
    const objects = [...(await manifestsOf(declared, environment, jwks)).values()].flat() as Manifest[]
    expect(await checkFields(objects)).toEqual([])
    const pods = objects.flatMap(({ metadata, spec }) => {
      const pod = (spec?.template as { spec: PodSpec } | undefined)?.spec
      const told = (pod?.containers[0]?.env ?? []).filter(({ name }) => /^(HOOKS|MAIL)_/.test(name))
      return told.map(({ value }) => `${metadata.name}: ${value}`)
    })
    expect(pods).toEqual([
      'lifecycle: http://hooks.example',
      'lifecycle: mail.example:465',
      'lifecycle-worker: http://hooks.example',
      'lifecycle-worker: mail.example:465',
    ])
  })
})

describe('the proxy of a pod that ends', () => {
  it('takes connections for as long as the pod has', async () => {
    const deployments = (await objectsOf(environmentOf('production'))).filter(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.namespace === 'staffmesh',
    )
    expect(deployments.length).toBeGreaterThan(services.length)
    for (const { spec } of deployments) {
      const { metadata, spec: pod } = spec!.template as {
        metadata: { annotations: Record<string, string> }
        spec: { terminationGracePeriodSeconds: number }
      }
      expect(metadata.annotations['proxy.istio.io/config']).toBe(
        `drainDuration: ${pod.terminationGracePeriodSeconds}s\n`,
      )
    }
  })
})

describe('docs/deploy.md', () => {
  it('names each Secret that a pod reads, and its keys', async () => {
    const documented = await readFile(join(import.meta.dirname, '../docs/deploy.md'), 'utf8')
    const rows = documented.split('\n').filter((line) => line.startsWith('| `'))
    const all = await Promise.all(Object.values(environments).map(objectsOf))
    const read = all.flat().flatMap(({ spec }) => {
      const pod = (spec?.template as { spec: PodSpec } | undefined)?.spec
      const variables = (pod?.containers ?? []).flatMap(({ env = [] }) =>
        env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []),
      )
      const files = (pod?.volumes ?? []).flatMap(({ secret }) =>
        (secret?.items ?? []).map(({ path }) => ({ name: secret!.secretName, key: path })),
      )
      return [...variables, ...files]
    })
    expect(read.length).toBeGreaterThan(services.length)
    for (const { name, key } of read) {
      const general = name
        .replace(/^main-(superuser)$/, '<instance>-$1')
        .replace(
          new RegExp(`^(${services.map((service) => service.name).join('|')})-(?=database|files)`),
          '<service>-',
        )
      const row = rows.find((line) => line.startsWith(`| \`${general}\``))
      expect(row, `a row of ${general}`).toContain(`\`${key}\``)
    }
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

  it.each<[string, DatabaseInstance, string]>([
    [
      'an authority without the name of its Secret',
      { maxConnections: 500, outside: { host: 'postgres.example', port: 5432, caSecret: '' } },
      'volume database-ca is a Secret without a name; name it in',
    ],
    ['an instance that is neither inside nor outside', { maxConnections: 500 }, 'or say where it is outside'],
  ])('are refused: %s', async (_what, main, remedy) => {
    const environment = { ...environmentOf('kind'), instances: { main } }
    await expect(manifestsOf(services, environment, jwks)).rejects.toThrow(remedy)
  })
})
