import { PercentUnit, RequestsPerSecond, Seconds } from '@grafana/grafana-foundation-sdk/units'
import type { Duration } from '#kit/telemetry.ts'
import { type Attribute, anyValue } from '../names.ts'
import { type About, lines } from './panel.ts'
import { frequency, type Labels, legendOf, share, within } from './promql.ts'

/** What a metric has measured, a line for each value of an attribute. */
export interface Measured {
  metric: Duration
  of: Labels
  by: Attribute
}

/** The share that failed on our side. */
export const failed = (metric: Duration, by: readonly Attribute[], of: Labels) =>
  share(frequency(metric, by, { ...of, 'error.type': anyValue }), frequency(metric, by, of))

type Words = Omit<About, 'unit'> & { unit?: string }

export const frequencies = ({ metric, of, by }: Measured, about: Words) =>
  lines({ unit: RequestsPerSecond, ...about }, { expr: frequency(metric, [by], of), legend: legendOf(by) })

export const failures = ({ metric, of, by }: Measured, about: Words) =>
  lines({ unit: PercentUnit, ...about }, { expr: failed(metric, [by], of), legend: legendOf(by) })

/** Within which time that share of them was done. */
export const durations = (quantile: number, { metric, of, by }: Measured, about: Words) =>
  lines({ unit: Seconds, ...about }, { expr: within(quantile, metric, [by], of), legend: legendOf(by) })
