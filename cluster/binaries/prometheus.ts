import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { cached } from '../cached.ts'
import { need, run, step } from '../shell.ts'

/** Debian's, which is linked with nothing but libc. */
const version = '2.42'

/** Folder with the package's files. */
export const prometheusFolder = (): Promise<string> =>
  cached(join('binaries', `prometheus-${version}`), (partial) =>
    step(`Fetch Prometheus ${version}`, async () => {
      await need(['apt-get', 'dpkg-deb'])
      await mkdir(partial)
      await run('apt-get', ['download', '--quiet', `prometheus=${version}*`], { cwd: partial })
      const [archive] = (await readdir(partial)).filter((name) => name.endsWith('.deb'))
      await run('dpkg-deb', ['--extract', archive!, '.'], { cwd: partial })
    }),
  )

/** Folder with `prometheus` and `promtool`. */
export const prometheusPrograms = async (): Promise<string> => join(await prometheusFolder(), 'usr', 'bin')
