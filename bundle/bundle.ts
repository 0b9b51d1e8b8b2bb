import { existsSync, readdirSync } from 'node:fs'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { billOfMaterials } from './bill-of-materials.ts'

const root = resolve(import.meta.dirname, '..')

/** What may be started of a service. */
const programs = ['main.ts', 'first-operator.ts'] as const

/** What can be bundled: each folder of services/ that has a main.ts. */
export const bundles = (): string[] =>
  readdirSync(join(root, 'services')).filter((name) => existsSync(join(root, 'services', name, programs[0])))

/**
 * Puts a service into a folder that needs nothing but Node: main.js and its parts with their source maps, the files that
 * it reads at run time or that cannot be bundled, and as bom.json a list of all packages in it and of that Node. `node --enable-source-maps main.js [worker|migrate|provision]` runs it.
 *
 * Sources say what they read, and it then lies at the same place as in the checkout:
 * - `new URL('./migrations/', import.meta.url)`: a file or folder beside the source
 * - `require.resolve('package/file')`: a file of a package
 * - `createRequire(import.meta.url)('package')`: CommonJS on purpose; it is bundled as such
 */
export async function bundle(service: string, out: string): Promise<void> {
  const sources = join(root, 'services', service)
  if (!existsSync(join(sources, programs[0])))
    throw new Error(`There is no services/${service}/${programs[0]}. There are: ${bundles().join(', ')}`)
  await rm(out, { recursive: true, force: true })
  await mkdir(out, { recursive: true })
  const files = new Set<string>()
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: programs.map((name) => join(sources, name)).filter(existsSync),
    // As if it lay beside package.json: the same bytes wherever they are written to.
    outdir: '.',
    write: false,
    metafile: true,
    bundle: true,
    // What is loaded late stays apart: identity starts with 97 MB instead of 173, in half the time (Node 26.10).
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: `node${process.versions.node.split('.')[0]}`,
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'external',
    // Names of classes are in logs and traces.
    keepNames: true,
    loader: { '.node': 'copy' },
    assetNames: '[name]',
    // Packages in CommonJS require Node's modules, and argon2 its binary.
    banner: {
      js: `import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);`,
    },
    plugins: [atTheSamePlaces(files)],
    logLevel: 'error',
  })
  for (const { path, contents } of outputFiles) await writeFile(join(out, relative(root, path)), contents)
  for (const file of files) await cp(join(root, file), join(out, file), { recursive: true })
  const bundled = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).filter((file) => inputs[file]!.bytesInOutput > 0),
  )
  const node = relative(root, process.execPath)
  await writeFile(join(out, 'bom.json'), await billOfMaterials(service, [...bundled, ...files, node]))
  // Without it Node would have to guess that main.js is an ES module.
  await writeFile(join(out, 'package.json'), '{"type":"module"}\n')
}

/** One file has one import.meta.url; each source goes on seeing its own. */
function atTheSamePlaces(files: Set<string>): Plugin {
  return {
    name: 'at-the-same-places',
    setup({ onLoad }) {
      onLoad({ filter: /\/services\/.*\.ts$/ }, async ({ path }) => {
        const source = await readFile(path, 'utf8')
        if (/\bimport\.meta\.(dirname|filename|resolve)\b/.test(source))
          throw new Error(
            'a bundle moves this file: read with new URL(…, import.meta.url) or require.resolve(…)',
          )
        const require = createRequire(path)
        for (const [, file] of source.matchAll(/new URL\('([^']+)', import\.meta\.url\)/g))
          files.add(relative(root, resolve(dirname(path), file!)))
        for (const [, file] of source.matchAll(/\brequire\.resolve\('([^']+)'\)/g)) {
          files.add(relative(root, require.resolve(file!)))
          files.add(relative(root, require.resolve(`${packageOf(file!)}/package.json`)))
        }
        const url = `new URL(${JSON.stringify(relative(root, path))}, import.meta.url)`
        return {
          contents: source
            .replace(/createRequire\(import\.meta\.url\)\('/g, "require('")
            .replaceAll('import.meta.url', `${url}.href`),
          loader: 'ts',
        }
      })
    },
  }
}

const packageOf = (file: string) => file.split('/', file.startsWith('@') ? 2 : 1).join('/')

if (import.meta.main) {
  const [service, out] = process.argv.slice(2)
  if (!service || !out) throw new Error('Use: node bundle/bundle.ts <service> <folder>')
  await bundle(service, out)
}
