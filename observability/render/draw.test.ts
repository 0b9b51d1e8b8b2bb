import { expect, it } from 'vitest'
import { services } from '../../services/index.ts'
import type { Series, Window } from '../dashboards/ask.ts'
import { dashboardsOf } from '../dashboards/index.ts'
import { panelsOf, queriesOf } from '../dashboards/queries.ts'
import { pageOf } from './draw.ts'
import { format } from './format.ts'

const window: Window = { end: 1_800_000_000, range: 600, step: 60, rate: 120 }
const points = (value: number): Series['points'] =>
  Array.from({ length: 11 }, (_, index) => [window.end - window.range + index * window.step, value])

it.each(dashboardsOf(services))('draws $title, with an answer to each query and with none', (dashboard) => {
  const panels = panelsOf(dashboard)
  const titles = panels.map(({ title }) => `<h3>${title}</h3>`)
  const answers = new Map(
    panels.map((panel) => [panel.id!, queriesOf(panel).map(() => [{ labels: {}, points: points(0.25) }])]),
  )
  const page = pageOf(dashboard, answers, window)
  for (const title of titles) expect(page).toContain(title)
  expect(page).not.toMatch(/NaN|Infinity|No data/)

  const empty = pageOf(dashboard, new Map(), window)
  for (const { fieldConfig } of panels) expect(empty).toContain(fieldConfig!.defaults.noValue ?? 'No data')
})

it('tells an empty panel that has a reason from one that has none', () => {
  const dashboard = dashboardsOf(services).find(({ uid }) => uid === 'staffmesh-leave')!
  expect(pageOf(dashboard, new Map(), window)).toContain('<p class="empty">No job failed</p>')
  expect(pageOf(dashboard, new Map(), window)).toContain('<p class="missing">No data</p>')
})

it.each([
  ['s', 0.0123, '12.3 ms'],
  ['s', 5400, '1.5 h'],
  ['s', 0, '0 s'],
  ['percentunit', 0.0005, '0.05%'],
  ['reqps', 1234, '1.23 K req/s'],
  ['short', 0, '0'],
])('writes %s of %d as %s', (unit, value, written) => {
  expect(format(unit, value)).toBe(written)
})

it('refuses a unit that it does not know', () => {
  expect(() => format('bananas', 1)).toThrow('does not know the unit bananas')
})
