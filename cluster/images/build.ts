import { createHash, type Hash } from 'node:crypto'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Binaries } from '../binaries/build.ts'
import { cachedName } from '../cached.ts'
import { need, Refusal, run, step } from '../shell.ts'
import { type Image, project } from './image.ts'
import { developmentImage, imagesOf } from './images.ts'
import { digestOf, type Reference, retag } from './registry.ts'
import { openStorage, type Storage } from './storage.ts'

export interface Built {
  /** As manifests name it, e.g. localhost:5001/staffmesh/directory:dev. */
  reference: string
  digest: string
}

/**
 * Brings images into a registry; what is there already is neither built nor pushed again.
 *
 * @param which names of images: a service, `edge`, `postgres`, `redis`, `ratelimit`, `otel-collector`, `jaeger`,
 *   `prometheus`, `pause`, `coredns`, `pilot`, `proxyv2`, `install-cni`; all unless told
 * @param registry where it is reached from here by plain HTTP, e.g. 10.199.0.2:5001
 * @returns by name what the registry holds now
 * @throws Refusal that says what is missing on this machine
 */
export async function buildImages(options: {
  which?: readonly string[]
  registry: string
  binaries: Binaries
}): Promise<Record<string, Built>> {
  const { registry, binaries } = options
  const images = imagesOf(binaries)
  const which = options.which ?? Object.keys(images)
  for (const name of which)
    if (!images[name])
      throw new Refusal(`There is no image ${name}. There are: ${Object.keys(images).join(', ')}`)
  await need(['buildah'])
  const builder = new Builder(registry)
  const built: Record<string, Built> = {}
  // Two at a time: one reads and packs while the other pushes.
  const queue = which.values()
  const work = async () => {
    for (const name of queue) built[name] = await builder.bring(name, images[name]!)
  }
  await Promise.all([work(), work()])
  return built
}

/** Brings the image that services run their sources in into a registry, and answers with what that holds now. */
export async function buildDevelopmentImage(registry: string): Promise<Built> {
  await need(['buildah'])
  return new Builder(registry).bring('development', developmentImage)
}

/** Builds an image in the storage of this machine alone; answers with its name there. */
export const buildHere = (image: Image): Promise<string> => new Builder('').build(image)

/** Keys of what images of today are made of: of themselves, and of what is below them. */
export function keysOf(binaries: Binaries): Promise<ReadonlySet<string>> {
  const builder = new Builder('')
  return builder.keys(Object.values(imagesOf(binaries)))
}

/** What is known of an image before it is built. */
interface Plan {
  /** Stands for all that it is made of. */
  key: string
  files: Readonly<Record<string, string>>
}

class Builder {
  private readonly registry: string
  private readonly plans = new Map<Image, Promise<Plan>>()
  private readonly bases = new Map<Image, Promise<string>>()
  private storage: Promise<Storage> | undefined

  constructor(registry: string) {
    this.registry = registry
  }

  async bring(name: string, image: Image): Promise<Built> {
    const { key } = await this.plan(image)
    const [, repository, tag] = image.reference!.match(/^[^/]+\/(.+):([^:]+)$/) as [string, string, string]
    const named: Reference = { registry: this.registry, repository, tag }
    const keyed: Reference = { ...named, tag: key }
    let digest = await digestOf(keyed)
    if (!digest) {
      await step(`Build image ${name}`, async () => {
        const storage = await this.opened()
        await storage.push(await this.build(image), `${this.registry}/${repository}:${key}`)
      })
      digest = await digestOf(keyed)
      if (!digest)
        throw new Refusal(`The registry ${this.registry} does not keep what was pushed to it: ${repository}`)
    }
    if ((await digestOf(named)) !== digest) await retag(keyed, tag)
    return { reference: image.reference!, digest }
  }

  async keys(images: readonly Image[]): Promise<ReadonlySet<string>> {
    await Promise.all(images.map((image) => this.plan(image)))
    return new Set((await Promise.all(this.plans.values())).map(({ key }) => key))
  }

  private opened(): Promise<Storage> {
    this.storage ??= openStorage()
    return this.storage
  }

  private plan(image: Image): Promise<Plan> {
    const planned = this.plans.get(image) ?? this.makePlan(image)
    this.plans.set(image, planned)
    return planned
  }

  private async makePlan(image: Image): Promise<Plan> {
    const hash = createHash('sha256').update(JSON.stringify(image.recipe))
    const below = Object.entries(image.below).map(([name, other]) =>
      this.plan(other).then((plan) => `\n${name} ${plan.key}`),
    )
    const files = await image.files()
    hash.update((await Promise.all(below)).join(''))
    for (const [name, path] of Object.entries(files)) {
      hash.update(`\n${name}\n`)
      await fingerprint(path, hash)
    }
    return { key: hash.digest('hex').slice(0, 16), files }
  }

  /** Builds an image and what is below it in the storage of this machine; answers with its name there. */
  async build(image: Image): Promise<string> {
    const built = this.bases.get(image) ?? this.buildOnce(image)
    this.bases.set(image, built)
    return built
  }

  private async buildOnce(image: Image): Promise<string> {
    const storage = await this.opened()
    const { key, files } = await this.plan(image)
    const found = storage.find(key)
    if (found) return found
    const names: Record<string, string> = {}
    for (const [name, other] of Object.entries(image.below)) names[name] = await this.build(other)
    return storage.build(key, image.build(names, files, await revision()))
  }
}

/** Not part of the key: a commit that changes nothing in an image builds nothing. */
async function revision(): Promise<string> {
  const args = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*']
  return (await run('git', args, { cwd: project })).trim()
}

/** Adds what a layer would hold of a file or folder: names, contents, links, and what may be executed. */
async function fingerprint(path: string, hash: Hash): Promise<void> {
  const name = cachedName(path)
  if (name) return void hash.update(name)
  const stats = await lstat(path)
  hash.update(`${stats.mode & 0o7777} `)
  if (stats.isSymbolicLink()) hash.update(await readlink(path))
  else if (stats.isFile()) hash.update(await readFile(path))
  else
    for (const name of (await readdir(path)).sort()) {
      hash.update(`\n${name} `)
      await fingerprint(join(path, name), hash)
    }
}
