import { expect, it } from 'vitest'
import { services } from '../services/index.ts'
import { manifestsOf } from './app.ts'
import { environmentOf } from './environments.ts'

// biome-ignore lint/suspicious/noExplicitAny: any kind of object
type Any = any

/** Policies and pods are checked on the way, as those of every environment. */
const objectsOf = async (development: boolean): Promise<Any[]> =>
  [...(await manifestsOf(services, { ...environmentOf('bare'), development }, '{"keys":[]}')).values()].flat()

const changed = await objectsOf(true)
const named = (kind: string, name: RegExp) =>
  changed.find((object) => object.kind === kind && name.test(object.metadata.name))!.spec.template.spec

it('runs servers and workers from sources that may be edited, and starts them again', () => {
  for (const [name, mode] of [
    ['leave', undefined],
    ['leave-worker', ['worker']],
  ] as const) {
    const { containers, initContainers, volumes } = named('Deployment', new RegExp(`^${name}$`))
    const [container] = containers
    expect(container.command).toContain('--watch-path=services')
    expect(container.command.at(-1)).toBe('services/leave/main.ts')
    expect(container.args).toEqual(mode)
    expect(container).not.toHaveProperty('livenessProbe')
    expect(container.env).toContainEqual({ name: 'DRAIN_PAUSE_MS', value: '0' })
    const { mountPath } = container.volumeMounts.find((mount: Any) => mount.name === 'sources')
    expect(initContainers[0].command.at(-1)).toBe(mountPath)
    expect(initContainers[0].image).toBe(container.image)
    expect(volumes).toContainEqual({ name: 'sources', emptyDir: { sizeLimit: '128Mi' } })
  }
})

it('runs jobs once', () => {
  const [container] = named('Job', /^leave-migration-/).containers
  expect(container.command).toEqual(['node', 'services/leave/main.ts'])
  expect(container.args).toEqual(['migrate'])
})

it('changes nothing but the pods that run services', async () => {
  const names = (objects: Any[]) => objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
  const before = await objectsOf(false)
  expect(names(changed)).toEqual(names(before))
  const others = changed.filter((object, index) => JSON.stringify(object) !== JSON.stringify(before[index]))
  expect(new Set(others.map(({ kind }) => kind))).toEqual(new Set(['Deployment', 'Job', 'CronJob']))
  expect(others.map(({ metadata }) => metadata.name)).not.toContain('ratelimit')
})
