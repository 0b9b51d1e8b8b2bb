import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { checkKong, isKong } from './kong-check.ts'

/** A Kubernetes object as far as this check looks into it. */
interface ApiObject {
  apiVersion: string
  kind: string
  metadata: { name: string }
}

/** The published package whose types were made from the schemas of that API group. */
function packageOf(apiVersion: string): string {
  if (apiVersion.includes('istio.io')) return `@kubernetes-models/istio/${apiVersion}`
  if (apiVersion.startsWith('gateway.networking.k8s.io'))
    return `@kubernetes-models/gateway-api/${apiVersion}`
  if (apiVersion.startsWith('postgresql.cnpg.io')) return `@kubernetes-models/cloudnative-pg/${apiVersion}`
  if (apiVersion.startsWith('monitoring.coreos.com'))
    return `@kubernetes-models/prometheus-operator/${apiVersion}`
  if (apiVersion.startsWith('cert-manager.io')) return `@kubernetes-models/cert-manager/${apiVersion}`
  return `kubernetes-models/${apiVersion}`
}

/** Of the object store of CloudNativePG's backup plugin the package has all but the few fields around it. */
const objectStore = (name: string) =>
  [
    'import type { IBarmanObjectStoreConfiguration as ',
    `C${name} } from '@kubernetes-models/cloudnative-pg/github.com/cloudnative-pg/barman-cloud/pkg/api/BarmanObjectStoreConfiguration'; `,
    `interface ${name} { apiVersion: string; kind: string; metadata: object; `,
    `spec: { configuration: Omit<C${name}, 'serverName'>; retentionPolicy?: string } }`,
  ].join('')

const importOf = (apiVersion: string, kind: string, name: string) =>
  kind === 'ObjectStore'
    ? objectStore(name)
    : `import type { I${kind} as ${name} } from '${packageOf(apiVersion)}/${kind}'`

/**
 * Checks objects against the real schemas of their apiVersion, of which the compiler's types are made: an unknown or
 * misspelt field, a missing one and a wrong type each give one line that names object and path. Of Kong's no package
 * has types; see kong-check.ts.
 */
export async function checkFields(all: readonly ApiObject[]): Promise<string[]> {
  const objects = all.filter((object) => !isKong(object))
  // Inside the project, so that the compiler finds the packages.
  const folder = await mkdtemp(join(import.meta.dirname, '.check-'))
  try {
    const { source, places } = sourceOf(objects)
    await writeFile(join(folder, 'objects.ts'), source)
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(compiler))
    const { stdout } = await promisify(execFile)('tsc', ['--project', folder, '--pretty', 'false'], {
      maxBuffer: 1e8,
    }).catch((error: { stdout: string }) => error)
    const found = [...stdout.matchAll(/objects\.ts\((\d+),\d+\): error \w+: (.*)/g)].map(
      ([, line, message]) => `${places[Number(line)] ?? 'import'}: ${message}`,
    )
    return [...found, ...all.filter(isKong).flatMap(checkKong)]
  } finally {
    await rm(folder, { recursive: true })
  }
}

const compiler = {
  compilerOptions: {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    module: 'nodenext',
    moduleResolution: 'nodenext',
    types: [],
  },
  files: ['objects.ts'],
}

/** One typed constant an object, one property a line; `places` tells the path that stands on each line. */
function sourceOf(objects: readonly ApiObject[]): { source: string; places: string[] } {
  const lines: string[] = ['']
  const places: string[] = []
  objects.forEach((object, index) => {
    const { apiVersion, kind, metadata } = object
    lines.push(importOf(apiVersion, kind, `T${index}`))
    const path: string[] = []
    for (const [row, line] of JSON.stringify(object, null, 1).split('\n').entries()) {
      const depth = line.length - line.trimStart().length
      path.length = Math.max(0, depth - 1)
      if (depth > 0) path.push(/^\s*"([^"]+)":/.exec(line)?.[1] ?? '[]')
      places[lines.length] = `${kind} ${metadata.name}: ${path.join('.')}`
      lines.push(row === 0 ? `export const o${index}: T${index} = ${line}` : line)
    }
  })
  return { source: lines.slice(1).join('\n'), places }
}
