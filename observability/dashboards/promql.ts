import type { Duration } from '#kit/telemetry.ts'
import { type Attribute, labelName, series, type Wanted } from '../names.ts'

export type Labels = Readonly<Partial<Record<Attribute, Wanted>>>

/** Of a counter per second, over Grafana's own window, which holds four scrapes at least. */
export const rate = (counter: string) => `rate(${counter}[$__rate_interval])`

/** Of a counter, over all that the dashboard shows. */
export const increase = (counter: string) => `increase(${counter}[$__range])`

export const aggregate = (how: 'sum' | 'min' | 'max', by: readonly string[], expression: string) =>
  by.length > 0 ? `${how} by (${by.join(', ')}) (${expression})` : `${how}(${expression})`

export const sum = (by: readonly string[], expression: string) => aggregate('sum', by, expression)

/** A share from 0 to 1, also where none of the `some` have been seen. */
export const share = (some: string, all: string) => `(${some} or 0 * ${all}) / ${all}`

/** Those series of an expression whose counter has grown most in the time that is shown, the same at each instant. */
export const most = (count: number, by: readonly string[], counter: string, expression: string) =>
  `${expression} and topk(${count}, ${sum(by, `increase(${counter}[$__range] @ end())`)})`

export const labels = (by: readonly Attribute[]) => by.map(labelName)

/** How often per second a thing happened that the metric has measured. */
export const frequency = (metric: Duration, by: readonly Attribute[], wanted: Labels) =>
  sum(labels(by), rate(series(metric, 'count', wanted)))

/** Seconds within which that share was done. */
export const within = (quantile: number, metric: Duration, by: readonly Attribute[], wanted: Labels) =>
  `histogram_quantile(${quantile}, ${sum(['le', ...labels(by)], rate(series(metric, 'bucket', wanted)))})`

/** In a legend, the value of a label. */
export const legendOf = (attribute: Attribute) => `{{${labelName(attribute)}}}`
