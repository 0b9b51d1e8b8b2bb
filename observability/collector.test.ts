import { Yaml } from 'cdk8s'
import { expect, it } from 'vitest'
import { collectorConfiguration } from './collector.ts'

const kinds = ['extensions', 'receivers', 'processors', 'exporters'] as const

it('uses the parts that our build of the collector is made of, and no other', () => {
  const manifest = new URL('../cluster/binaries/otel-collector/builder.yaml', import.meta.url)
  const [built] = Yaml.load(manifest.pathname) as [Record<(typeof kinds)[number], { gomod: string }[]>]
  for (const kind of kinds) {
    const used = Object.keys(collectorConfiguration[kind]).map((name) => name.replaceAll('_', ''))
    const parts = built[kind].map(({ gomod }) => /\/(\w+) v[\d.]+$/.exec(gomod)![1]!)
    expect(parts.sort(), kind).toEqual(used.map((name) => `${name}${kind.slice(0, -1)}`).sort())
  }
})

it('sends everything through what is declared, and bounds memory first', () => {
  const { extensions, pipelines } = collectorConfiguration.service
  expect(extensions).toEqual(Object.keys(collectorConfiguration.extensions))
  for (const { receivers, processors, exporters } of Object.values(pipelines)) {
    expect({ receivers, processors, exporters }).toEqual({
      receivers: Object.keys(collectorConfiguration.receivers),
      processors: Object.keys(collectorConfiguration.processors),
      exporters: Object.keys(collectorConfiguration.exporters),
    })
    expect(processors[0]).toBe('memory_limiter')
  }
})

it('writes no content of telemetry into its log', () => {
  expect(collectorConfiguration.exporters).toEqual({ debug: { verbosity: 'basic' } })
})
