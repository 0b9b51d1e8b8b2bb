import { Yaml } from 'cdk8s'
import { expect, it } from 'vitest'
import { attributes, resourceAttributes } from '#kit/telemetry.ts'
import { allowedKeys, type CollectorOptions, collectorConfiguration, metricKeys } from './collector.ts'

const options: CollectorOptions = {
  sampling: { share: 5, slow: 1000, wait: 10 },
  outside: false,
}
const all = [collectorConfiguration(options), collectorConfiguration({ ...options, outside: true })]

const kinds = ['extensions', 'receivers', 'processors', 'exporters'] as const
/** `otlp_http` of `otlphttpexporter`, and each variant of a part, `redaction/metrics`, is that part. */
const typesOf = (parts: object) => Object.keys(parts).map((name) => name.split('/')[0]!.replaceAll('_', ''))

it('uses the parts that our build of the collector is made of, and no other', () => {
  const manifest = new URL('../cluster/binaries/otel-collector/builder.yaml', import.meta.url)
  const [built] = Yaml.load(manifest.pathname) as [Record<(typeof kinds)[number], { gomod: string }[]>]
  for (const kind of kinds) {
    const used = new Set(all.flatMap((each) => typesOf(each[kind])))
    const parts = built[kind].map(({ gomod }) => /\/(\w+) v[\d.]+$/.exec(gomod)![1]!)
    expect(parts.sort(), kind).toEqual([...used].map((name) => `${name}${kind.slice(0, -1)}`).sort())
  }
})

it.each(all)(
  'sends everything through what is declared: memory is bounded first, then what may leave',
  (each) => {
    const { extensions, pipelines } = each.service
    expect(extensions).toEqual(Object.keys(each.extensions))
    const used = Object.values(pipelines)
    for (const kind of ['receivers', 'processors', 'exporters'] as const)
      expect([...new Set(used.flatMap((pipeline) => pipeline[kind]))].sort()).toEqual(
        Object.keys(each[kind]).sort(),
      )
    for (const { processors } of used) {
      expect(processors[0]).toBe('memory_limiter')
      expect(processors[1]).toMatch(/^redaction/)
    }
  },
)

it('lets through what services may say and what proxies say of a request, but no address, path or agent', () => {
  expect(allowedKeys).toEqual(expect.arrayContaining(Object.keys({ ...attributes, ...resourceAttributes })))
  expect(allowedKeys.filter((key) => /url(?!\.scheme)|agent|peer|address$/.test(key))).toEqual([
    'server.address',
  ])
})

it('has no label for tenants or requests, of which there is no end', () => {
  expect(metricKeys).not.toContain('staffmesh.tenant')
  expect(metricKeys).not.toContain('staffmesh.request')
})

it('keeps what failed and what was slow, whatever the share', () => {
  expect(Yaml.stringify(all[0]!.processors.tail_sampling.policies)).toMatchInlineSnapshot(`
    "- name: failed
      type: status_code
      status_code:
        status_codes:
          - ERROR
    - name: slow
      type: latency
      latency:
        threshold_ms: 1000
    - name: share
      type: probabilistic
      probabilistic:
        sampling_percentage: 5
    "
  `)
})

it('sends the token that a backend outside wants, which stands in no manifest', () => {
  const [inside, outside] = all.map(({ exporters }) => exporters.otlp_http.headers)
  expect(inside).toBeUndefined()
  expect(outside).toEqual({ authorization: `Bearer \${env:TRACES_TOKEN}` })
})

it('writes no content of telemetry into its log', () => {
  expect(all.flatMap(({ exporters }) => exporters.debug ?? [])).toEqual([{ verbosity: 'basic' }])
})
