import type { Dashboard, FieldConfig, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'
import { init } from 'echarts'
import type { Series, Window } from '../dashboards/ask.ts'
import { queriesOf } from '../dashboards/queries.ts'
import { format } from './format.ts'

/** What Prometheus answered, a list of series for each query. */
export type Answers = Series[][]

export const width = 1440
const unitHeight = 30
const gap = 8
const column = width / 24

/** A page that looks like what Grafana would show; it needs no script and loads nothing. */
export function pageOf(dashboard: Dashboard, answers: ReadonlyMap<number, Answers>, window: Window): string {
  const panels = dashboard.panels ?? []
  const height = Math.max(...panels.map(({ gridPos }) => gridPos!.y + gridPos!.h)) * (unitHeight + gap)
  const until = new Date(window.end * 1000).toISOString().slice(0, 16).replace('T', ' ')
  return `<!doctype html><meta charset="utf-8"><style>${style}</style>
<h1>${text(dashboard.title)}<small>${window.range / 60} minutes until ${until} UTC</small></h1>
<main style="height:${height}px">${panels.map((panel) => boxOf(panel, answers.get(panel.id!) ?? [], window)).join('')}</main>`
}

function boxOf(panel: Panel | RowPanel, answers: Answers, window: Window): string {
  const { x, y, w, h } = panel.gridPos!
  const size = { width: w * column - gap, height: h * (unitHeight + gap) - gap }
  const place = `left:${x * column}px;top:${y * (unitHeight + gap)}px;width:${size.width}px;height:${size.height}px`
  if (panel.type === 'row') return `<h2 style="${place}">${text(panel.title)}</h2>`
  return `<section style="${place}"><h3>${text(panel.title)}</h3>${contentOf(panel as Panel, answers, { ...size, height: size.height - 34 }, window)}</section>`
}

interface Size {
  width: number
  height: number
}

function contentOf(panel: Panel, answers: Answers, size: Size, window: Window): string {
  const defaults = panel.fieldConfig!.defaults
  if (answers.every((series) => series.length === 0))
    return `<p class="${defaults.noValue ? 'empty' : 'missing'}">${text(defaults.noValue ?? 'No data')}</p>`
  switch (panel.type) {
    case 'timeseries':
      return linesOf(panel, answers, size, window)
    case 'stat':
      return numberOf(defaults, answers)
    case 'bargauge':
      return barsOf(panel, answers)
    case 'table':
      return tableOf(panel, answers)
    default:
      throw new Error(`observability/render/draw.ts draws no ${panel.type}: add it`)
  }
}

const legendOf = (panel: Panel, query: number, { labels }: Series) =>
  (queriesOf(panel)[query]!.legendFormat ?? '').replace(/\{\{(\w+)\}\}/g, (_, label) => labels[label] ?? '')

const named = (panel: Panel, answers: Answers) =>
  answers.flatMap((list, query) => list.map((series) => ({ name: legendOf(panel, query, series), series })))

function linesOf(panel: Panel, answers: Answers, size: Size, { end, range, step }: Window): string {
  const { unit, thresholds } = panel.fieldConfig!.defaults
  const limit = thresholds?.steps.find(({ value }) => value !== null)?.value
  const found = named(panel, answers).sort((a, b) => a.name.localeCompare(b.name))
  const chart = init(null, 'dark', { renderer: 'svg', ssr: true, ...size })
  const legendRows = rowsOf(
    found.map(({ name }) => name),
    size.width,
  )
  chart.setOption({
    animation: false,
    backgroundColor: 'transparent',
    color: palette,
    textStyle: { fontFamily: 'sans-serif' },
    grid: {
      left: 8,
      right: 16,
      top: 10,
      bottom: 8 + (legendRows > 5 ? 1 : legendRows) * 18,
      containLabel: true,
    },
    legend: {
      type: legendRows > 5 ? 'scroll' : 'plain',
      bottom: 0,
      left: 4,
      itemWidth: 14,
      itemHeight: 3,
      itemGap: 12,
      icon: 'rect',
      textStyle: { fontSize: 11 },
    },
    xAxis: {
      type: 'time',
      min: (end - range) * 1000,
      max: end * 1000,
      axisLabel: { hideOverlap: true, formatter: '{HH}:{mm}' },
    },
    yAxis: {
      type: 'value',
      min: 0,
      axisLabel: { formatter: (value: number) => format(unit, value) },
      splitLine: { lineStyle: { color: '#2c2f36' } },
    },
    series: found.map(({ name, series: { points } }) => ({
      name,
      type: 'line',
      data: withGaps(points, step),
      showSymbol: points.length === 1,
      lineStyle: { width: 1.5 },
      areaStyle: { opacity: 0.06 },
    })),
  })
  // A limit far above all lines would flatten them.
  if (
    limit != null &&
    limit <= 2 * Math.max(...found.flatMap(({ series }) => series.points.map(([, value]) => value)))
  )
    chart.setOption({
      series: [
        {
          name: found[0]!.name,
          markLine: {
            silent: true,
            symbol: 'none',
            data: [{ yAxis: limit }],
            label: { show: false },
            lineStyle: { color: '#f2495c', type: 'dashed' },
          },
        },
      ],
    })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

/** How many rows a legend with these names takes: a letter is about seven pixels wide. */
function rowsOf(names: readonly string[], width: number): number {
  let [rows, used] = [1, 0]
  for (const name of names) {
    const wanted = name.length * 6.6 + 31
    if (used + wanted > width && used > 0) [rows, used] = [rows + 1, 0]
    used += wanted
  }
  return rows
}

/** Where a point is missing there is no line. */
const withGaps = (points: Series['points'], step: number) =>
  points.flatMap(([at, value], index) => {
    const before = points[index - 1]?.[0] ?? at
    return at - before > 1.5 * step
      ? [
          [(before + step) * 1000, null],
          [at * 1000, value],
        ]
      : [[at * 1000, value]]
  })

const lastOf = ({ points }: Series) => points.at(-1)![1]

function colorOf({ thresholds }: Pick<FieldConfig, 'thresholds'>, value: number): string | undefined {
  const steps = thresholds?.steps ?? []
  if (steps.length < 2) return undefined
  return colors[steps.filter((step) => step.value === null || value >= step.value).at(-1)!.color]
}

function numberOf(field: FieldConfig, [series]: Answers): string {
  const value = lastOf(series![0]!)
  const color = colorOf(field, value)
  return `<p class="number"${color ? ` style="background:${color}"` : ''}>${format(field.unit, value)}</p>`
}

function barsOf(panel: Panel, answers: Answers): string {
  const field = panel.fieldConfig!.defaults
  const found = named(panel, answers)
  const most = field.max ?? Math.max(...found.map(({ series }) => lastOf(series)))
  const bars = found.map(({ name, series }) => {
    const value = lastOf(series)
    const share = Math.max(0, Math.min(1, value / most || 0)) * 100
    const color = colorOf(field, value) ?? colors.green
    return `<tr><td>${text(name)}<td class="bar"><i style="width:${share}%;background:${color}"></i><td class="value">${format(field.unit, value)}`
  })
  return `<table class="bars">${bars.join('')}</table>`
}

/** The columns as the panel's transformation names them, a row for each set of labels. */
function tableOf(panel: Panel, answers: Answers): string {
  const { renameByName } = panel.transformations!.find(({ id }) => id === 'organize')!.options as {
    renameByName: Record<string, string>
  }
  const columns = queriesOf(panel).map(({ refId }, query) => {
    const title = renameByName[`Value #${refId}`]!
    const properties = panel.fieldConfig!.overrides.find(
      ({ matcher }) => matcher.options === title,
    )!.properties
    const property = (id: string) => properties.find((each) => each.id === id)?.value
    return {
      title,
      unit: property('unit') as string,
      thresholds: property('thresholds'),
      series: answers[query]!,
    }
  })
  const labels = Object.keys(renameByName).filter((name) => !name.startsWith('Value #'))
  const keyOf = (series: Series) => labels.map((label) => series.labels[label] ?? '').join('\n')
  // As the panel sorts: most of the first column first.
  const first = new Map(answers[0]!.map((series) => [keyOf(series), lastOf(series)]))
  const keys = [...new Set(answers.flatMap((list) => list.map(keyOf)))]
    .filter((key) => first.has(key))
    .sort((a, b) => first.get(b)! - first.get(a)!)
  const head = [...labels.map((label) => renameByName[label]), ...columns.map(({ title }) => title)]
  const body = keys.map((key) => [
    ...key.split('\n').map((value) => `<td>${text(value)}`),
    ...columns.map(({ unit, thresholds, series }) => {
      const found = series.find((each) => keyOf(each) === key)
      if (!found) return '<td class="value">'
      const value = lastOf(found)
      return `<td class="value" style="color:${colorOf({ thresholds }, value) ?? 'inherit'}">${format(unit, value)}`
    }),
  ])
  return `<table><tr>${head.map((title, index) => `<th${index < labels.length ? '' : ' class="value"'}>${text(title)}`).join('')}${body.map((cells) => `<tr>${cells.join('')}`).join('')}</table>`
}

const text = (words: string | undefined) =>
  (words ?? '').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

const colors: Readonly<Record<string, string>> = { green: '#56a64b', red: '#e02f44' }
/** Grafana's. */
const palette = [
  '#73bf69',
  '#f2cc0c',
  '#8ab8ff',
  '#ff780a',
  '#f2495c',
  '#5794f2',
  '#b877d9',
  '#705da0',
  '#37872d',
  '#fade2a',
  '#447ebc',
  '#c15c17',
]

const style = `
body { margin: 12px; width: ${width}px; background: #111217; color: #d0d2d9; font: 13px sans-serif }
h1 { font-size: 18px; font-weight: 500; margin: 0 0 10px } h1 small { color: #8e9198; font-size: 12px; margin-left: 14px }
main { position: relative }
main > * { position: absolute; box-sizing: border-box; margin: 0; overflow: hidden }
h2 { font-size: 14px; font-weight: 500; padding-top: 9px }
section { background: #181b1f; border: 1px solid #25272e; border-radius: 2px }
h3 { font-size: 13px; font-weight: 500; margin: 0; padding: 7px 10px; height: 18px }
p { display: flex; align-items: center; justify-content: center; height: calc(100% - 50px); margin: 0 }
.empty { color: #8e9198 } .missing { color: #f2495c }
.number { font-size: 30px; font-weight: 500; height: calc(100% - 42px); margin: 0 10px; border-radius: 2px }
table { width: calc(100% - 20px); margin: 0 10px; border-collapse: collapse }
th { text-align: left; font-weight: 500; color: #8ab8ff } th, td { padding: 8px; border-bottom: 1px solid #25272e }
.value { text-align: right; font-variant-numeric: tabular-nums }
.bars td { border: 0 } .bar { width: 60% } .bar i { display: block; height: 16px; border-radius: 2px }`
