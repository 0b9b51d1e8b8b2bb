import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'

const root = resolve(import.meta.dirname, '..')

/** As much of CycloneDX as is read here: https://cyclonedx.org/docs/1.5/json */
interface Bill {
  serialNumber?: string
  metadata: { timestamp?: string; component: { 'bom-ref': string } }
  components: { 'bom-ref': string }[]
  dependencies: { ref: string; dependsOn: string[] }[]
}

/** What npm lists, of every package in the lockfile, with license and hash; asked once. */
let listed: Promise<string> | undefined

/**
 * The packages of which a file is in a bundle, and how they depend on each other, as CycloneDX in JSON. It has neither
 * date nor serial number: the same sources give the same bytes.
 *
 * @param files relative to the root of the project, e.g. node_modules/pg/lib/index.js; our own are no packages
 */
export async function billOfMaterials(service: string, files: Iterable<string>): Promise<string> {
  const lockfile = await readFile(join(root, 'package-lock.json'), 'utf8')
  listed ??= list(lockfile)
  const { serialNumber, ...bill } = JSON.parse(await listed) as Bill
  const { packages } = JSON.parse(lockfile)
  const found = new Set<string>()
  for (const file of files) {
    const [folder, name] = file.match(/node_modules\/(?:.*\/node_modules\/)?((?:@[^/]+\/)?[^/]+)/) ?? []
    if (folder) found.add(`${name}@${packages[folder].version}`)
  }
  const components = bill.components.filter((component) => found.has(component['bom-ref']))
  const missing = found.difference(new Set(components.map((component) => component['bom-ref'])))
  if (missing.size > 0)
    throw new Error(`npm does not list ${[...missing].join(', ')}, which ${service} bundles: npm ci`)
  const { timestamp, component, ...metadata } = bill.metadata
  const itself = { ...component, type: 'application', name: service }
  const dependencies = bill.dependencies
    .filter(({ ref }) => found.has(ref) || ref === component['bom-ref'])
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => found.has(other)) }))
  return `${JSON.stringify({ ...bill, metadata: { ...metadata, component: itself }, components, dependencies }, null, 1)}\n`
}

/** Npm takes a second, which each bundle would; so its answer is kept among the packages, for this lockfile. */
async function list(lockfile: string): Promise<string> {
  const hash = createHash('sha256').update(lockfile).digest('hex').slice(0, 12)
  const kept = join(root, 'node_modules', '.cache', `bill-of-materials-${hash}.json`)
  const found = await readFile(kept, 'utf8').catch(() => undefined)
  if (found) return found
  // Of all: with `--omit dev`, npm 11.19 leaves out what both a tool and a service depend on.
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only']
  const { stdout } = await promisify(execFile)('npm', args, { cwd: root, maxBuffer: 16 * 2 ** 20 })
  await mkdir(dirname(kept), { recursive: true })
  // Renamed, so that nobody reads a half.
  await writeFile(`${kept}.${process.pid}`, stdout)
  await rename(`${kept}.${process.pid}`, kept)
  return stdout
}
