import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Yaml } from 'cdk8s'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { helmChart, writeChart } from '../../charts/helm/chart.ts'
import { services } from '../../services/index.ts'
import { manifestsOf } from '../app.ts'
import { type Environment, environments } from '../environments.ts'

interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string }
}

const helm = inject('helm')
const jwks = '{"keys":[]}'
const all = Object.values(environments)
let chart: string

beforeAll(async () => {
  chart = await mkdtemp(join(tmpdir(), 'staffmesh-helm-'))
  await writeChart(await helmChart(services, all, jwks, '0.0.0'), chart)
})
afterAll(() => rm(chart, { recursive: true }))

/** Kubernetes 1.34 is what the chart is for; helm by itself would assume another. */
const templateOf = async (folder: string, environment: string, ...options: string[]) => {
  const values = join(folder, `values/${environment}.yaml`)
  const command = [
    'template',
    'staffmesh',
    folder,
    '--kube-version',
    '1.34.0',
    '--values',
    values,
    ...options,
  ]
  return (await promisify(execFile)(helm, command, { maxBuffer: 1e8 })).stdout
}
const template = (environment: string, ...options: string[]) => templateOf(chart, environment, ...options)
const objectsOf = async (yaml: string): Promise<Manifest[]> => {
  const file = join(chart, 'rendered')
  await writeFile(file, yaml)
  return (Yaml.load(file) as (Manifest | null)[]).filter((object) => object !== null)
}
const byName = (objects: readonly Manifest[]) =>
  new Map(
    objects.map((object) => [
      [object.apiVersion, object.kind, object.metadata.namespace, object.metadata.name].join(' '),
      object,
    ]),
  )

describe.skipIf(helm === '')('helm', () => {
  it.each(all)('accepts the chart with the values of $name', async ({ name }) => {
    const values = join(chart, `values/${name}.yaml`)
    const { stdout } = await promisify(execFile)(helm, ['lint', '--strict', chart, '--values', values])
    expect(stdout).toContain('0 chart(s) failed')
  })

  it.each(all)('renders what synth writes for $name', async (environment) => {
    const rendered = await objectsOf(await template(environment.name))
    const synthesized = [...(await manifestsOf(services, environment, jwks)).values()].flat() as Manifest[]
    expect(rendered).toHaveLength(synthesized.length)
    expect(byName(rendered)).toEqual(byName(synthesized))
  })

  it('renders what synth writes for other values', async () => {
    const { images, ...production } = environments.production!
    const digest = `sha256:${'1'.repeat(64)}`
    const other = {
      ...production,
      domain: 'hr.company.example',
      images: { ...images, tag: 'v9', digests: { identity: digest } },
    }
    const options = ['--set', `domain=${other.domain},images.tag=v9,images.digests.identity=${digest}`]
    const synthesized = [...(await manifestsOf(services, other, jwks)).values()].flat() as Manifest[]
    expect(byName(await objectsOf(await template('production', ...options)))).toEqual(byName(synthesized))
  })

  it.each<[what: string, values: Partial<Environment>]>([
    ['a canary', { canary: { service: 'directory', tag: 'v0.2.0', weight: 10, replicas: 2 } }],
    [
      'a database cluster',
      {
        instanceOf: {},
        instances: {
          main: {
            maxConnections: 800,
            cluster: {
              replicas: 3,
              storage: '100Gi',
              image: 'ghcr.io/cloudnative-pg/postgresql:18.4',
              caSecret: 'database-ca',
              backup: {
                destination: 's3://backups/production',
                credentials: 'main-backup',
                schedule: '0 0 3 * * *',
                retention: '30d',
              },
            },
          },
        },
      },
    ],
  ])('renders what synth writes for %s', async (_, values) => {
    const environment = { ...environments.production!, ...values }
    const folder = await mkdtemp(join(tmpdir(), 'staffmesh-helm-'))
    try {
      await writeChart(await helmChart(services, [environment], jwks, '0.0.0'), folder)
      const synthesized = [...(await manifestsOf(services, environment, jwks)).values()].flat() as Manifest[]
      expect(byName(await objectsOf(await templateOf(folder, 'production')))).toEqual(byName(synthesized))
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it.each([
    ['an unknown value', 'domian=hr.company.example', /domian/],
    ['a missing value', 'domain=null', /domain/],
    ['an unknown environment', 'environment=prod', /environment.*'production'/],
    ['a tag that would end its string', 'images.tag=a" b', /images.tag/],
    ['http where a certificate is', 'publicUrl=http://hr.company.example', /publicUrl/],
    ['more replicas at least than at most', 'replicas.identity.min=99', /raise max or lower min/],
    [
      'more replicas than its database has connections',
      'replicas.directory.max=500',
      /raise databases.directory/,
    ],
  ])('refuses %s', async (_, value, why) => {
    await expect(template('production', '--set', value)).rejects.toThrow(why)
  })
})
