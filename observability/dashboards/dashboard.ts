import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  CustomVariableBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  RowBuilder,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { datasource } from './panel.ts'

/** Panels that may be numbered. */
type NumberedPanel = Builder<Panel> & { id(id: number): unknown }

export interface Row {
  title: string
  panels: NumberedPanel[]
}

/** Grafana's folder, tag, and the beginning of each title. */
export const product = 'Staffmesh'
const tag = product.toLowerCase()

/** A dashboard in Grafana's classic model, which its provisioning reads in all versions. */
export function dashboard(about: {
  /** Part of its address, so links to it stay. */
  name: string
  title: string
  description: string
  variables?: Builder<VariableModel>[]
  rows: Row[]
}): Dashboard & { uid: string } {
  const uid = `${tag}-${about.name}`
  const builder = new DashboardBuilder(`${product} / ${about.title}`)
    .uid(uid)
    .description(about.description)
    .tags([tag])
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(
      new DatasourceVariableBuilder(datasource.uid.slice(1)).label('Prometheus').type('prometheus'),
    )
    .link(
      new DashboardLinkBuilder(product)
        .type(DashboardLinkType.Dashboards)
        .tags([tag])
        .asDropdown(true)
        .keepTime(true),
    )
  for (const variable of about.variables ?? []) builder.withVariable(variable)
  let id = 0
  for (const { title, panels } of about.rows) {
    builder.withRow(new RowBuilder(title).id(++id))
    for (const panel of panels) {
      panel.id(++id)
      builder.withPanel(panel)
    }
  }
  return { ...builder.build(), uid }
}

/** A choice of some of these values; all, unless told. */
export const choice = (name: string, label: string, values: readonly string[]) =>
  new CustomVariableBuilder(name)
    .label(label)
    .values(values.join(','))
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: 'All', value: '$__all' })
