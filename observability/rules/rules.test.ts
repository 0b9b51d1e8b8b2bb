import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Yaml } from 'cdk8s'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { boundaries } from '#kit/telemetry-otel.ts'
import { sayNotProven } from '../../cdk8s/go-program.ts'
import { services } from '../../services/index.ts'
import { leaveService } from '../../services/leave/service.ts'
import { stumbles } from '../test-promql.ts'
import { rules } from './index.ts'
import { type Alert, isAlert, type Recording } from './rule.ts'
import { cases } from './test-cases.ts'

const groups = rules(services, { signingKeys: true, edgeCertificate: true })
const alerts = groups.flatMap((group) => group.rules).filter(isAlert)
const keyOf = ({ alert, labels }: Alert) => `${alert}, ${labels.severity}`
const keys = [...new Set(alerts.map(keyOf))]
const names = [...new Set(alerts.map(({ alert }) => alert))]
const runbooks = new URL('../../docs/runbooks/', import.meta.url)

const run = promisify(execFile)
const promtool = await run('promtool', ['--version']).then(
  () => true,
  () => false,
)
if (!promtool) sayNotProven('Alerts were', 'there is no promtool on PATH; the package prometheus has it')

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rules-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A file for promtool. */
async function written(content: object): Promise<string> {
  const file = join(await mkdtemp(join(folder, 'file-')), 'rules.yaml')
  await writeFile(file, Yaml.stringify(content))
  return file
}

it('has a case for each alert, and none for another', () => {
  const tested = Object.entries(cases).flatMap(([alert, severities]) =>
    Object.keys(severities).map((severity) => `${alert}, ${severity}`),
  )
  expect(tested.sort()).toEqual(keys.sort())
})

it('counts in buckets that the histograms have', () => {
  const exprs = groups.flatMap(({ rules }) => rules).map(({ expr }) => expr)
  const asked = exprs.flatMap((expr) =>
    [...expr.matchAll(/le=~?"([\d.]+)/g)].map(([, bound]) => Number(bound)),
  )
  expect(asked).toEqual(expect.arrayContaining([60, leaveService.slo.latency.query / 1000]))
  expect(asked.filter((bound) => !boundaries.includes(bound))).toEqual([])
})

it('has a runbook for each alert, and none for another', async () => {
  const found = (await readdir(runbooks)).filter((file) => file !== 'README.md')
  expect(found.sort()).toEqual(names.map((name) => `${name}.md`).sort())
})

describe.each(names)('the runbook of %s', (alert) => {
  const runbook = readFile(new URL(`${alert}.md`, runbooks), 'utf8')

  it('says what people feel, how to look, how to act, and how it was tried', async () => {
    const headings = [...(await runbook).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading)
    expect(headings).toEqual([alert, 'What people feel', 'How to look', 'How to act', 'Tried'])
  })

  it('asks nothing that Prometheus would not understand', async () => {
    for (const [, block] of (await runbook).matchAll(/^```promql\n(.*?)```$/gms))
      for (const query of block!.trim().split('\n')) expect(stumbles(query), query).toEqual([])
  })
})

describe.skipIf(!promtool)('in Prometheus', () => {
  it('is read without complaint', async () => {
    const { stdout } = await run('promtool', ['check', 'rules', await written({ groups })])
    expect(stdout).toContain(`SUCCESS: ${groups.flatMap((group) => group.rules).length} rules found`)
  })

  it.each(stories())(
    '$alert ($severity) $does: $story',
    async (told) => {
      const { alert, severity, labels, does, minutes, scraped } = told
      const all = Object.entries({ alertname: alert, severity, alertstate: 'firing', ...labels })
      const firing = `ALERTS{${all.map(([label, value]) => `${label}="${value}"`).join(',')}}`
      const test = await written({
        rule_files: [await written({ groups: neededFor(alert, severity, labels) })],
        evaluation_interval: '1m',
        tests: [
          {
            interval: '1m',
            input_series: scraped,
            promql_expr_test: [
              {
                expr: firing,
                eval_time: `${minutes - 1}m`,
                exp_samples: does === 'fires' ? [{ labels: firing, value: 1 }] : [],
              },
            ],
          },
        ],
      })
      const { stdout, stderr } = await run('promtool', ['test', 'rules', test]).catch((error) => error)
      expect(`${stdout}${stderr}`).toContain('SUCCESS')
    },
    60_000,
  )
})

function stories() {
  return Object.entries(cases).flatMap(([alert, severities]) =>
    Object.entries(severities).flatMap(([severity, { labels, fires, quiet }]) =>
      Object.entries({ fires, 'is quiet': quiet }).flatMap(([does, told]) =>
        Object.entries(told).map(([story, of]) => ({ alert, severity, labels, does, story, ...of })),
      ),
    ),
  )
}

/** All rules in each story would take minutes: this alert, and what it is made of. */
function neededFor(alert: string, severity: string, about: Readonly<Record<string, string>>) {
  const needed = new Set<Alert | Recording>(
    alerts.filter((rule) => rule.alert === alert && rule.labels.severity === severity),
  )
  const concerned = groups
    .flatMap(({ rules }) => rules)
    .filter((rule): rule is Recording => !isAlert(rule))
    .filter(({ labels = {} }) =>
      Object.entries(labels).every(([label, value]) => (about[label] ?? value) === value),
    )
  // A set also gives what is added to it on the way.
  for (const { expr } of needed)
    for (const rule of concerned) if (expr.includes(rule.record)) needed.add(rule)
  return groups
    .map((group) => ({ ...group, rules: group.rules.filter((rule) => needed.has(rule)) }))
    .filter((group) => group.rules.length > 0)
}
