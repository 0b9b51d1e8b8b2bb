import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge'
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import * as common from '@grafana/grafana-foundation-sdk/common'
import {
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import * as stat from '@grafana/grafana-foundation-sdk/stat'
import * as table from '@grafana/grafana-foundation-sdk/table'
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries'

/** From where on a value is bad. */
export type Bad = { above: number } | { below: number }

export interface About {
  title: string
  /** What it tells, and what to make of it. */
  description: string
  /** One of Grafana's: `@grafana/grafana-foundation-sdk/units`. */
  unit: string
  bad?: Bad
  /** Shown where there is nothing to show, with the reason. A panel without one has data whenever there is traffic. */
  empty?: string
  /** Of the 24 columns. */
  width?: number
}

export interface Query {
  expr: string
  /** With labels as {{label}}. */
  legend: string
}

/** What happens over time. */
export const lines = (about: About, ...queries: Query[]) =>
  described(new timeseries.PanelBuilder(), { width: 8, ...about })
    .targets(
      queries.map(({ expr, legend }) => new DataqueryBuilder().expr(expr).legendFormat(legend).range()),
    )
    .min(0)
    .lineWidth(2)
    .fillOpacity(8)
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .calcs([]),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    )
    .thresholdsStyle(
      new common.GraphThresholdsStyleConfigBuilder().mode(
        about.bad ? common.GraphThresholdsStyleMode.Dashed : common.GraphThresholdsStyleMode.Off,
      ),
    )

/** One number, as it is now. */
export const number = (about: About, expr: string) =>
  described(new stat.PanelBuilder(), { width: 4, height: 4, ...about })
    .targets(numbered([{ expr, legend: '' }], (query) => query.instant()))
    .reduceOptions(last())
    .colorMode(about.bad ? common.BigValueColorMode.Background : common.BigValueColorMode.None)
    .graphMode(common.BigValueGraphMode.None)

/** One bar a series, as it is now. */
export const bars = (about: About, ...queries: Query[]) =>
  described(new bargauge.PanelBuilder(), { width: 8, ...about })
    .targets(numbered(queries, (query) => query.instant()))
    .reduceOptions(last())
    .min(0)
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)

export interface Column {
  title: string
  unit: string
  expr: string
  bad?: Bad
}

/** One row for each value of the labels `of`, which have these titles; one column a query. Most of the first come first. */
export function rows(
  about: Omit<About, 'unit' | 'bad' | 'width'> & { expected: number },
  of: Readonly<Record<string, string>>,
  ...columns: [Column, ...Column[]]
) {
  const panel = described(new table.PanelBuilder(), {
    ...about,
    unit: 'short',
    width: 24,
    // Whoever has more scrolls.
    height: 2 + Math.min(about.expected, 16),
  })
    .sortBy([new common.TableSortByFieldStateBuilder().displayName(columns[0]!.title).desc(true)])
    .targets(
      numbered(
        columns.map(({ expr }) => ({ expr, legend: '' })),
        (query) => query.instant().format(PromQueryFormat.Table),
      ),
    )
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        renameByName: {
          ...of,
          ...Object.fromEntries(columns.map(({ title }, index) => [`Value #${refIdOf(index)}`, title])),
        },
      },
    })
  for (const { title, unit, bad } of columns)
    panel.overrideByName(title, [
      { id: 'unit', value: unit },
      ...(bad
        ? [
            { id: 'thresholds', value: thresholdsOf(bad).build() },
            { id: 'custom.cellOptions', value: { type: common.TableCellDisplayMode.ColorText } },
          ]
        : []),
    ])
  return panel
}

const numbered = (queries: Query[], as: (query: DataqueryBuilder) => DataqueryBuilder) =>
  queries.map(({ expr, legend }, index) =>
    as(new DataqueryBuilder().refId(refIdOf(index)).expr(expr).legendFormat(legend)),
  )

const last = () => new common.ReduceDataOptionsBuilder().calcs(['lastNotNull'])

const refIdOf = (index: number) => String.fromCharCode('A'.charCodeAt(0) + index)

/** What all kinds of panels can be told. */
interface Describable extends Builder<Panel> {
  title(title: string): this
  description(description: string): this
  unit(unit: string): this
  noValue(noValue: string): this
  span(columns: number): this
  height(rows: number): this
  datasource(datasource: common.DataSourceRef): this
  thresholds(thresholds: ThresholdsConfigBuilder): this
  targets(targets: Builder<Dataquery>[]): this
}

function described<P extends Describable>(
  panel: P,
  { title, description, unit, bad, empty, width, height = 8 }: About & { width: number; height?: number },
): P {
  panel.title(title).description(description).unit(unit).span(width).height(height).datasource(datasource)
  panel.thresholds(thresholdsOf(bad))
  return empty === undefined ? panel : panel.noValue(empty)
}

/** Whoever looks chooses the Prometheus. */
export const datasource = { type: 'prometheus', uid: '$datasource' }

function thresholdsOf(bad: Bad | undefined) {
  const steps: Threshold[] = !bad
    ? [{ value: null, color: 'green' }]
    : 'above' in bad
      ? [
          { value: null, color: 'green' },
          { value: bad.above, color: 'red' },
        ]
      : [
          { value: null, color: 'red' },
          { value: bad.below, color: 'green' },
        ]
  return new ThresholdsConfigBuilder().steps(steps)
}
