import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import packageJson from '../../package.json' with { type: 'json' }

type ByName<T> = Readonly<Record<string, T>>

/** How an image is made of others and of files of this machine. */
export interface Image {
  /** As manifests name it; without one it is but a base. */
  reference?: string
  below: ByName<Image>
  /** Files and folders, which are found or made when they are asked for. */
  files: () => Promise<ByName<string>>
  /** Whatever else decides what it becomes. */
  recipe: unknown
  build(below: ByName<string>, files: ByName<string>, revision: string): Build
}

/** What buildah is told. */
export interface Build {
  containerfile: string
  /** Folder that the Containerfile copies from. */
  context: string
  flags: string[]
}

interface Layer {
  reference?: string
  base?: Image
  /** Path in the image → path on this machine. */
  files: Image['files']
  /** Further instructions of a Containerfile. */
  settings?: readonly string[]
}

const labels = 'org.opencontainers.image'

/** One layer, on top of another image's or of nothing. */
export const layer = ({ reference, base, files, settings = [] }: Layer): Image => ({
  ...(reference ? { reference } : {}),
  below: base ? { base } : {},
  files,
  recipe: settings,
  build: (below, found, revision) => ({
    containerfile: [
      `FROM ${below.base ?? 'scratch'}`,
      ...Object.entries(found).map(([target, source]) => `COPY ${JSON.stringify([source, target])}`),
      ...settings,
      `LABEL ${labels}.version=${packageJson.version} ${labels}.revision=${revision}`,
    ].join('\n'),
    context: '/',
    flags: [],
  }),
})

interface Stage {
  reference?: string
  target: string
  args?: ByName<string>
  /** Arguments that name an image. */
  images?: ByName<Image>
  /** Stages that it builds on, and what stands for them, so that they are not built: an image, or a folder. */
  given: ByName<Image | (() => Promise<string>)>
  /** Files and folders of the project that it copies itself. */
  sources?: readonly string[]
}

export const project = resolve(import.meta.dirname, '..', '..')
const dockerfile = readFileSync(join(project, 'Dockerfile'), 'utf8')

/** A stage of the project's Dockerfile. */
export function stage(options: Stage): Image {
  const { reference, target, args = {}, images = {}, given, sources = [] } = options
  const folders: [string, () => Promise<string>][] = []
  const below: Record<string, Image> = { ...images }
  for (const [name, each] of Object.entries(given))
    if (typeof each === 'function') folders.push([name, each])
    else below[name] = each
  return {
    ...(reference ? { reference } : {}),
    below,
    files: async () => {
      const found = folders.map(async ([name, find]) => [name, await find()] as const)
      const copied = sources.map((path) => [path, join(project, path)] as const)
      return Object.fromEntries([...(await Promise.all(found)), ...copied])
    },
    recipe: { dockerfile, target, args },
    build: (names, found, revision) => {
      const values = { ...args, VERSION: packageJson.version, REVISION: revision }
      const contexts = Object.keys(given).map((name) =>
        name in names ? `${name}=container-image://${names[name]}` : `${name}=${found[name]}`,
      )
      for (const name of Object.keys(images)) Object.assign(values, { [name]: names[name] })
      return {
        containerfile: dockerfile,
        context: project,
        flags: [
          ...['--target', target],
          ...Object.entries(values).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
          ...contexts.flatMap((context) => ['--build-context', context]),
        ],
      }
    },
  }
}
