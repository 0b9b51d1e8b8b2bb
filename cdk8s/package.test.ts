import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { registerSchema, type Validator, validate } from '@hyperjump/json-schema/draft-2020-12'
import { Yaml } from 'cdk8s'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { helmChart, shapeOf, writeChart } from '../charts/helm/chart.ts'
import { Placeholders } from '../charts/helm/placeholders.ts'
import { templatesOf } from '../charts/helm/templates.ts'
import { merged, type Tree } from '../charts/helm/values.ts'
import { services } from '../services/index.ts'
import { manifestsOf } from './app.ts'
import { type Job, podHash } from './constructs/job.ts'
import { environmentOf, environments } from './environments.ts'

const jwks = '{"keys":[]}'
const all = Object.values(environments)
const schema = 'https://staffmesh.dev/values'
let folder: string
let templates: string
let validator: Validator
/** As Helm merges them, by environment. */
let values: Map<string, Tree>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'staffmesh-chart-'))
  const chart = await helmChart(services, all, jwks, '0.0.0')
  await writeChart(chart, folder)
  registerSchema(JSON.parse(chart.get('values.schema.json')!), schema)
  validator = await validate(schema)
  const load = (file: string) => (Yaml.load(join(folder, file)) as Tree[])[0]!
  const defaults = load('values.yaml')
  values = new Map(all.map(({ name }) => [name, merged(defaults, load(`values/${name}.yaml`))]))
  templates = [...chart].flatMap(([file, text]) => (file.startsWith('templates/') ? [text] : [])).join('\n')
})
afterAll(() => rm(folder, { recursive: true }))

const valuesOf = (environment: string) => structuredClone(values.get(environment)!)
const accepts = (values: Tree) => validator(JSON.parse(JSON.stringify(values))).valid

describe.each(all)('the Helm chart for $name', (environment) => {
  it('has the objects that synth writes, once its values stand where placeholders were', async () => {
    const { files, placeholders } = await shapeOf(services, environment, jwks, new Map())
    let text = JSON.stringify([...files])
    for (const { path, placeholder, real } of placeholders.values)
      if (path[0] === 'publicUrl')
        text = text.replaceAll(/https?:\/\/helm-value-publicurl\.invalid/g, urlOf())
      else if (Array.isArray(real)) text = text.replaceAll(`["${placeholder}"]`, JSON.stringify(real))
      else text = text.replaceAll(String(placeholder), String(real))
    const filled = (JSON.parse(text) as [string, Job[]][]).map(([file, objects]) => [
      file,
      objects.map((object) => {
        const { name } = object.metadata
        const hash = () => podHash(object.spec.template.spec)
        return { ...object, metadata: { ...object.metadata, name: name.replace('helm-pod-hash', hash) } }
      }),
    ])
    expect(filled).toEqual(JSON.parse(JSON.stringify([...(await manifestsOf(services, environment, jwks))])))
  })
  it("brings the values of Kong's own chart where Kong is the edge", async () => {
    const brought = (await readdir(join(folder, 'values'))).includes(`${environment.name}-kong-values.yaml`)
    expect(brought).toBe(environment.edge === 'kong')
  })

  const urlOf = () => environment.publicUrl ?? `https://${environment.domain}`

  it('has values that its schema accepts', () => {
    expect(accepts(valuesOf(environment.name))).toBe(true)
  })
})

describe('the values', () => {
  const production = () => valuesOf('production')

  it.each<[string, (values: Tree) => Tree]>([
    ['an unknown value', (values) => ({ ...values, domian: 'hr.company.example' })],
    ['an unknown service', (values) => merged(values, { replicas: { payrol: { min: 1, max: 2 } } })],
    ['an environment that is none', (values) => ({ ...values, environment: 'prod' })],
    ['a number that is none', (values) => merged(values, { replicas: { identity: { min: '2' } } })],
    ['a tag that would end its string', (values) => merged(values, { images: { tag: 'v1" b' } })],
    ['a digest that is none', (values) => merged(values, { images: { digests: { identity: 'v1' } } })],
    [
      'a digest of no image',
      (values) => merged(values, { images: { digests: { payrol: `sha256:${'1'.repeat(64)}` } } }),
    ],
    ['http where a certificate is', (values) => ({ ...values, publicUrl: 'http://hr.company.example' })],
    ['https where no certificate is', (values) => ({ ...values, environment: 'kind' })],
  ])('are refused with %s', (_, change) => {
    expect(accepts(change(production()))).toBe(false)
  })

  it('are refused where one is missing', () => {
    for (const missing of Object.keys(production()))
      expect(
        accepts(Object.fromEntries(Object.entries(production()).filter(([key]) => key !== missing))),
        missing,
      ).toBe(false)
  })

  it('all have an effect', () => {
    const leaves = (tree: Tree, path: string[] = []): string[][] =>
      Object.entries(tree).flatMap(([key, value]) =>
        typeof value === 'object' && !Array.isArray(value)
          ? leaves(value as Tree, [...path, key])
          : [[...path, key]],
      )
    // By ranges and helpers, not by their whole path.
    const named = leaves(production()).filter(([first]) => first !== 'images')
    expect(named.length).toBeGreaterThan(10)
    for (const path of named)
      expect(
        templates.includes(`.Values.${path.join('.')}`) ||
          templates.includes(path.map((key) => `"${key}"`).join(' ')),
        path.join('.'),
      ).toBe(true)
  })
})

describe('the templates', () => {
  it('have no placeholder left', () => {
    expect(templates).not.toMatch(/helm-value-/)
    expect(templates).toContain('{{ .Values.replicas.identity.max | toJson }}')
    expect(templates).toContain('{{ include "staffmesh.image" (list . "identity") }}')
  })

  it('pass on what looks like a template and is meant for others', () => {
    expect(templatesOf([shape('{{ .Other }}')]).get('a.yaml')).toContain('{{ "{{" }} .Other }}')
  })

  it('cannot be made of a part of a value', () => {
    const placeholders = new Placeholders(new Map())
    const { publicUrl } = placeholders.environment(environmentOf('kind'))
    expect(() => templatesOf([{ ...shape(new URL(publicUrl!).host), placeholders }])).toThrow(
      'use the value as a whole',
    )
  })

  const shape = (value: string) => ({
    environment: 'kind',
    files: new Map([
      ['a.yaml', [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { value } }]],
    ]),
    placeholders: new Placeholders(new Map()),
  })
})
