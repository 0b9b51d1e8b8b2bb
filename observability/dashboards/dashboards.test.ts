import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { describe, expect, it } from 'vitest'
import { services } from '../../services/index.ts'
import { stumbles } from '../test-promql.ts'
import { dashboardsOf } from './index.ts'
import { interpolate } from './interpolate.ts'
import { panelsOf, queriesOf } from './queries.ts'

const dashboards = dashboardsOf(services)

it('has a parser that sees a mistake', () => {
  expect(stumbles('sum by (le) (rate(requests[1m]))')).toEqual([])
  expect(stumbles('sum by (le) (rate(requests[1m])')).not.toEqual([])
  expect(stumbles('rate(requests{a=b}[1m])')).not.toEqual([])
})

it('has one for each service, beside those for all', () => {
  const uids = dashboards.map(({ uid }) => uid)
  expect(new Set(uids).size).toBe(uids.length)
  expect(uids).toEqual(expect.arrayContaining(services.map(({ name }) => `staffmesh-${name}`)))
})

describe.each(dashboards)('$title', (dashboard: Dashboard) => {
  const panels = panelsOf(dashboard)

  it('asks in PromQL', () => {
    const window = { range: 3600, rate: 60 }
    const queries = panels.flatMap(queriesOf).map(({ expr }) => interpolate(dashboard, expr, window))
    expect(queries.length).toBeGreaterThan(0)
    expect(queries.flatMap(stumbles)).toEqual([])
  })

  it('has panels that tell what they are, in units that Grafana knows', () => {
    const known = new Set<unknown>(Object.values(units))
    for (const { title, description, fieldConfig } of panels) {
      expect(title).toBeTruthy()
      expect(description, title).toMatch(/\.$/)
      expect(known, title).toContain(fieldConfig?.defaults.unit)
    }
  })

  it('has panels that can be told apart, and none above another', () => {
    const all = dashboard.panels ?? []
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
    const cells = all.flatMap(cellsOf)
    expect(new Set(cells).size).toBe(cells.length)
  })

  it('says in legends only what the queries keep', () => {
    for (const panel of panels)
      for (const { expr, legendFormat = '' } of queriesOf(panel))
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
          expect(expr, panel.title).toMatch(new RegExp(`\\b(by|on) \\([^)]*\\b${label}\\b`))
  })
})

/** The cells of Grafana's grid that a panel takes. */
function cellsOf({ gridPos }: Pick<Panel, 'gridPos'>) {
  const { x, y, w, h } = gridPos!
  expect(x + w).toBeLessThanOrEqual(24)
  return Array.from({ length: w * h }, (_, index) => `${x + (index % w)}|${y + Math.floor(index / w)}`)
}
