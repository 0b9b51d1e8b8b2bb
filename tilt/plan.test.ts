import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { environmentOf } from '../cdk8s/environments.ts'
import { services } from '../services/index.ts'
import { planOf } from './plan.ts'

const plan = planOf(services, environmentOf('bare'))

describe.each(Object.entries(plan.programs))('%s', (name, { sources }) => {
  it('is brought up to date by every file that it imports', async () => {
    const { metafile } = await build({
      entryPoints: [`services/${name}/main.ts`],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      // What is loaded late counts too.
      splitting: true,
      outdir: 'dist',
    })
    // Another package.json makes another image.
    const covered = ['package.json', ...sources]
    const missed = Object.keys(metafile.inputs).filter(
      (file) => !covered.some((source) => file === source || file.startsWith(`${source}/`)),
    )
    expect(missed).toEqual([])
  })
})

it('leaves the edge to Kong where it is Kong', () => {
  expect(Object.keys(planOf(services, environmentOf('kind')).programs)).toEqual(
    services.map(({ name }) => name),
  )
})

it('names images as manifests do, without a tag', () => {
  expect(plan.programs.leave!.image).toBe('localhost:5001/staffmesh/leave')
})
