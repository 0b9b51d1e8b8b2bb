import { Yaml } from 'cdk8s'
import { expect, it } from 'vitest'
import { type Group, isAlert } from '../observability/rules/rule.ts'
import { services } from '../services/index.ts'
import { manifestsOf } from './app.ts'
import { environmentOf } from './environments.ts'

const objectsOf = async (environment: string) =>
  [...(await manifestsOf(services, environmentOf(environment), '{"keys":[]}')).values()].flat()

it('come to a Prometheus of ours in a file that its configuration names', async () => {
  const objects = await objectsOf('bare')
  const { data } = objects.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'prometheus',
  ) as unknown as { data: Record<string, string> }
  expect(data['prometheus.yaml']).toContain(Yaml.stringify({ rule_files: ['rules.yaml'] }))
  expect(data['rules.yaml']).toContain('alert: AvailabilityBudgetBurn')
  // Nothing there changes keys by the clock.
  expect(data['rules.yaml']).not.toContain('alert: KeyRotationFailed')
  expect(objects.filter(({ kind }) => kind === 'PrometheusRule')).toEqual([])
})

it("come to an operator's as its own kind, with those of the keys that are changed there", async () => {
  const [rule, ...others] = (await objectsOf('production')).filter(({ kind }) => kind === 'PrometheusRule')
  expect(others).toEqual([])
  const { groups } = rule!.spec as { groups: Group[] }
  const alerts = groups.flatMap(({ rules }) => rules).filter(isAlert)
  expect(alerts.map(({ alert }) => alert)).toEqual(
    expect.arrayContaining(['AvailabilityBudgetBurn', 'KeyRotationFailed', 'EdgeCertificateNotRenewed']),
  )
})
