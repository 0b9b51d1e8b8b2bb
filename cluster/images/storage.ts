import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from '../cache.ts'
import { run } from '../shell.ts'
import type { Build } from './image.ts'

/** Buildah's storage in our cache, so that the machine's own images and containers are left alone. */
export interface Storage {
  /** The name of an image, where it is there. */
  find(key: string): string | undefined
  /** Builds an image; answers with its name. */
  build(key: string, build: Build): Promise<string>
  /** Pushes to a registry by plain HTTP, e.g. 10.199.0.2:5001/staffmesh/edge:dev. */
  push(image: string, to: string): Promise<void>
  /** What an image says of itself, and the bytes of its layers. */
  inspect(image: string): Promise<{ config: Config; size: number }>
  /** Its files, in a folder that is there until `release`. */
  mount(image: string): Promise<{ root: string; release(): Promise<void> }>
  /** Removes all images but those of these keys. */
  keep(keys: ReadonlySet<string>): Promise<void>
}

/** https://github.com/opencontainers/image-spec/blob/main/config.md */
export interface Config {
  User: string
  Env: string[]
  Entrypoint: string[]
  WorkingDir: string
  Labels: Record<string, string>
}

const nameOf = (key: string) => `localhost/staffmesh:${key}`

export async function openStorage(): Promise<Storage> {
  const folder = join(cacheFolder(), 'images', 'storage')
  await mkdir(folder, { recursive: true })
  const runs = 'run'
  let driver = 'overlay'
  // The registry is one of our own addresses, which no proxy knows.
  const env = { BUILDAH_ISOLATION: 'chroot', HTTP_PROXY: undefined, http_proxy: undefined }
  const buildah = (args: readonly string[]) =>
    run(
      'buildah',
      [
        ...['--root', join(folder, driver), '--runroot', join(folder, runs), '--storage-driver', driver],
        ...args,
      ],
      { env },
    )
  const list = async () =>
    new Set((await buildah(['images', '--noheading', '--format', '{{.Name}}:{{.Tag}}'])).split('\n'))
  let there: Set<string>
  try {
    there = await list()
  } catch (error) {
    process.stdout.write(
      `! No overlay file system for images, so they are copied, which takes longer: ${(error as Error).message}\n`,
    )
    driver = 'vfs'
    there = await list()
  }
  return {
    find(key) {
      return there.has(nameOf(key)) ? nameOf(key) : undefined
    },
    async build(key, { containerfile, context, flags }) {
      const name = nameOf(key)
      const file = join(folder, `${key}.Containerfile`)
      await writeFile(file, containerfile)
      // The same bytes give the same layer, whenever they are built.
      const how = ['--quiet', '--pull-never', '--layers=false', '--timestamp', '0']
      await buildah(['build', ...how, ...flags, '--tag', name, '--file', file, context])
      return name
    },
    async push(image, to) {
      // Compressing takes longer than what it saves on the way to a registry on the same machine.
      await buildah([
        'push',
        '--quiet',
        '--tls-verify=false',
        '--disable-compression',
        image,
        `docker://${to}`,
      ])
    },
    async inspect(image) {
      const { OCIv1, Manifest } = JSON.parse(await buildah(['inspect', '--type', 'image', image]))
      const { layers } = JSON.parse(Manifest) as { layers: { size: number }[] }
      return { config: OCIv1.config, size: layers.reduce((sum, layer) => sum + layer.size, 0) }
    },
    async mount(image) {
      const container = (await buildah(['from', '--pull-never', image])).trim()
      const root = (await buildah(['mount', container])).trim()
      return { root, release: async () => void (await buildah(['rm', container])) }
    },
    async keep(keys) {
      const wanted = new Set([...keys].map(nameOf))
      const others = [...there].filter((name) => name !== '' && !wanted.has(name))
      if (others.length > 0) await buildah(['rmi', '--force', ...others])
      for (const name of await readdir(folder))
        if (name !== driver && name !== runs) await rm(join(folder, name), { recursive: true })
    },
  }
}
