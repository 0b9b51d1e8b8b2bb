import { createHash } from 'node:crypto'
import { copyFile, cp, mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { bundle } from '../../bundle/bundle.ts'
import { environmentOf, imageOf } from '../../cdk8s/environments.ts'
import { cacheFolder } from '../cache.ts'
import { cached } from '../cached.ts'
import { run, step } from '../shell.ts'
import { type Image, project, stage } from './image.ts'

const bare = environmentOf('bare')

export const runtime = (base: Image) =>
  stage({ target: 'runtime', images: { RUNTIME_IMAGE: base }, given: { node: nodeFolder } })

/** A service, or the edge. */
export const production = (name: string, runtime: Image) =>
  stage({
    reference: imageOf(bare, name),
    target: 'production',
    args: { SERVICE: name },
    given: {
      runtime,
      bundle: async () => {
        const folder = join(cacheFolder(), 'images', 'bundles', name)
        await bundle(name, folder)
        return folder
      },
    },
  })

/** For all of them, to run their sources. */
export const development = (base: Image) =>
  stage({
    reference: imageOf(bare, 'development'),
    target: 'development',
    images: { BUILD_IMAGE: base },
    given: { dependencies: dependenciesFolder },
    sources: ['services'],
  })

/** Folder with the Node that the project pins, that of the platform's npm package; the base has its libraries. */
export function nodeFolder(): Promise<string> {
  const require = createRequire(import.meta.url)
  const name = `node-linux-${process.arch}`
  const { version } = require(`${name}/package.json`) as { version: string }
  return cached(join('images', `${name}-${version}`), async (folder) => {
    await mkdir(join(folder, 'bin'), { recursive: true })
    await copyFile(require.resolve(`${name}/bin/node`), join(folder, 'bin', 'node'))
  })
}

/** Folder with the packages that services are run with, made like the stage for which it stands. */
export const dependenciesFolder = async (): Promise<string> =>
  cached(await dependenciesName(), (folder) =>
    step('Install the packages of services', async () => {
      await mkdir(folder)
      for (const file of lists) await cp(join(project, file), join(folder, file))
      await run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--prefer-offline'], { cwd: folder })
    }),
  )

/** What they are installed by. */
const lists = ['package.json', 'package-lock.json', '.npmrc']

/** Its name in the cache, made or not. */
export async function dependenciesName(): Promise<string> {
  const hash = createHash('sha256')
  for (const file of lists) hash.update(await readFile(join(project, file)))
  return join('images', `dependencies-${hash.digest('hex').slice(0, 12)}`)
}
