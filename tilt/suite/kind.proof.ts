import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildTool } from '../../cluster/binaries/build.ts'
import { run } from '../../cluster/shell.ts'
import { versions } from '../../cluster/versions.ts'
import { services } from '../../services/index.ts'

const project = resolve(import.meta.dirname, '..', '..')

/** In place of kubectl: keeps the Secrets that are made for as long as they are asked for. */
const forgetful = `#!${process.execPath}
const { readFileSync, writeFileSync } = require('node:fs')
const words = process.argv.slice(2)
const file = __dirname + '/secrets.json'
if (words.includes('create')) writeFileSync(file, readFileSync(0))
if (words.includes('get') && words.includes('secret') && words.includes('json')) {
  const { items } = JSON.parse(readFileSync(file))
  const { stringData } = items.find(({ metadata }) => words.includes(metadata.name))
  const data = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(text).toString('base64')])
  console.log(JSON.stringify({ data: Object.fromEntries(data) }))
}
`

interface Manifest {
  Name: string
  ResourceDependencies: string[] | null
  Labels: Record<string, string>
  DeployTarget: { UpdateCmdSpec?: { args: string[] } }
  ImageTargets: { selector: string; LiveUpdateSpec: { syncs: { containerPath: string }[] } }[] | null
}

describe('the Tiltfile on kind, as far as it can be told without one', () => {
  let folder: string
  let manifests: Map<string, Manifest>

  const resultFor = async (context: string) => {
    const kubeconfig = join(folder, `${context}.json`)
    await writeFile(kubeconfig, JSON.stringify(configOf(context)))
    const env = { KUBECONFIG: kubeconfig, PATH: `${folder}:${process.env.PATH}` }
    return run(join(await buildTool('tilt'), 'tilt'), ['alpha', 'tiltfile-result'], { cwd: project, env })
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tiltfile-'))
    await writeFile(join(folder, 'kubectl'), forgetful)
    await chmod(join(folder, 'kubectl'), 0o755)
    const { Manifests } = JSON.parse(await resultFor('kind-staffmesh')) as { Manifests: Manifest[] }
    manifests = new Map(Manifests.map((manifest) => [manifest.Name, manifest]))
  })

  afterAll(() => rm(folder, { recursive: true }))

  /** All that has to be there before. */
  function needed(name: string): Set<string> {
    const direct = manifests.get(name)!.ResourceDependencies ?? []
    return new Set([...direct, ...direct.flatMap((each) => [...needed(each)])])
  }

  it('refuses another context, and says what to do', async () => {
    await expect(resultFor('production')).rejects.toThrow(
      /kind-staffmesh or bare-staffmesh only[\s\S]*ctlptl apply/,
    )
  })

  it('waits for definitions, Istio, policies, databases, migrations and services, in this order', () => {
    const order = ['gateway-api', 'istio-base', 'istiod', 'policies', 'main-database']
    order.push('leave-provisioning', 'leave-migration', 'leave', 'kong', 'routes')
    for (const [index, name] of order.entries())
      for (const earlier of order.slice(0, index)) expect([...needed(name)], name).toContain(earlier)
  })

  it('starts Kong after every service', () => {
    expect([...needed('kong')]).toEqual(expect.arrayContaining(services.map(({ name }) => name)))
  })

  it('keeps every service as its sources are', () => {
    for (const { name } of services) {
      const [image] = manifests.get(name)!.ImageTargets!
      expect(image!.selector).toMatch(new RegExp(`/${name}$`))
      const paths = image!.LiveUpdateSpec.syncs.map(({ containerPath }) => containerPath)
      expect(paths).toEqual(
        expect.arrayContaining(['/staffmesh/services/kit', `/staffmesh/services/${name}`]),
      )
    }
  })

  it('installs pinned charts with our values', () => {
    const command = (name: string) => manifests.get(name)!.DeployTarget.UpdateCmdSpec!.args.join(' ')
    for (const name of ['istio-base', 'istio-cni', 'istiod'])
      expect(command(name)).toContain(`${name} kind-staffmesh ${versions.istio}`)
    expect(command('istiod')).toContain('REGISTRY_ONLY')
    expect(command('kong')).toContain('nodePort: 30080')
  })

  it('shows each resource among its kind', () => {
    expect(Object.keys(manifests.get('leave')!.Labels)).toEqual(['data-services'])
    expect(Object.keys(manifests.get('workforce')!.Labels)).toEqual(['application-services'])
    expect(Object.keys(manifests.get('main-database')!.Labels)).toEqual(['databases'])
    expect(Object.keys(manifests.get('seed')!.Labels)).toEqual(['tasks'])
    const unlabelled = [...manifests.values()].filter(({ Labels }) => !Object.keys(Labels ?? {}).length)
    expect(unlabelled.map(({ Name }) => Name)).toEqual([])
  })
})

const configOf = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': name,
  // Nobody listens there: nothing is asked of it.
  clusters: [{ name, cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name, user: {} }],
  contexts: [{ name, context: { cluster: name, user: name } }],
})
