import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manifestsOf } from '../../cdk8s/app.ts'
import { environments } from '../../cdk8s/environments.ts'
import { namespaces } from '../../mesh/resource.ts'
import { services } from '../../services/index.ts'
import { publicSigningKeys } from '../platform/secrets.ts'
import { run } from '../shell.ts'
import { eventually } from './harness/eventually.ts'
import { kubectl } from './harness/kubernetes.ts'

/** Kong's definitions, from the module that its controller takes them from. */
const kinds = ['kongplugins', 'kongclusterplugins', 'kongconsumers']
const kongModule = 'github.com/kong/kubernetes-configuration'

async function kongDefinitions(): Promise<string> {
  const cwd = join(import.meta.dirname, '..', 'binaries', 'crds')
  const { Dir } = JSON.parse(await run('go', ['mod', 'download', '-json', kongModule], { cwd })) as {
    Dir: string
  }
  const files = kinds.map((kind) =>
    readFile(join(Dir, 'config/crd/ingress-controller', `configuration.konghq.com_${kind}.yaml`), 'utf8'),
  )
  return (await Promise.all(files)).join('\n---\n')
}

/** Whose definitions are not installed here; `npm test` holds their objects against the published types. */
const foreign = ['cert-manager.io/', 'monitoring.coreos.com/']
const isForeign = ({ apiVersion }: { apiVersion: string }) =>
  foreign.some((group) => apiVersion.startsWith(group))

const list = (items: readonly object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items })

describe('0. the manifests of every environment', () => {
  let definitions: string
  let hadThem: boolean
  let jwks: string

  beforeAll(async () => {
    definitions = await kongDefinitions()
    hadThem = (await kubectl(['get', 'crds', '--output', 'name'])).includes('kongplugins')
    if (!hadThem) await kubectl(['apply', '--server-side', '--filename', '-'], definitions)
    jwks = await publicSigningKeys(kubectl, services)
  })
  afterAll(async () => {
    if (!hadThem) await kubectl(['delete', '--ignore-not-found', '--filename', '-'], definitions)
  })

  const apply = (objects: readonly object[]) =>
    kubectl(
      [
        'apply',
        '--server-side',
        '--force-conflicts',
        '--dry-run=server',
        '--validate=strict',
        '--filename',
        '-',
      ],
      list(objects),
    )

  it.for(Object.values(environments))(
    'are taken by the API server and by istiod: $name, every field known',
    async (environment) => {
      const manifests = await manifestsOf(services, environment, jwks)
      const objects = [...manifests.values()].flat().filter((object) => !isForeign(object))
      expect(objects.length).toBeGreaterThan(50)
      await eventually('They are taken', () => apply(objects), 20)
    },
  )

  it('would be refused for one misspelt field', async () => {
    const plugin = {
      apiVersion: 'configuration.konghq.com/v1',
      kind: 'KongPlugin',
      metadata: { name: 'misspelt', namespace: namespaces.services },
      plugin: 'jwt',
      confg: {},
    }
    const routes = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'misspelt', namespace: namespaces.services },
      spec: {
        hosts: ['directory'],
        http: [{ route: [{ destination: { host: 'directory' } }], timeuot: '1s' }],
      },
    }
    await expect(apply([plugin])).rejects.toThrow(/confg/)
    await expect(apply([routes])).rejects.toThrow(/timeuot/)
  })
})
