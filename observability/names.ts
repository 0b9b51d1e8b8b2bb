/**
 * How things are called in Prometheus: one vocabulary for rules, dashboards and what scrapes.
 * https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 */
import type { Attributes, Metric } from '#kit/telemetry.ts'

/** Of the resource that measures; the collector makes them labels of each series. */
export type ResourceAttribute = 'service.name' | 'service.instance.id'
export type Attribute = keyof Attributes | ResourceAttribute

/** What is scraped, as the label `job` tells. */
export const scrapeJobs = {
  /** What the services measure, handed on by the collector with the labels that they gave. */
  services: 'services',
  /** The collector about itself. */
  collector: 'otel-collector',
  /** The proxies beside all workloads. */
  proxies: 'proxies',
} as const

const underscored = (name: string) => name.replaceAll('.', '_')

/** All metrics of the kit are histograms of seconds. */
export const metricName = (metric: Metric) => `${underscored(metric)}_seconds`

export const labelName = (attribute: Attribute) => underscored(attribute)

/** `error_type!=""`: the series of what failed. */
export const anyValue = Symbol('any value')

/** A value, one of several, any but none, none of several, or those that are chosen on a dashboard. */
export type Wanted =
  | string
  | readonly string[]
  | typeof anyValue
  | { not: readonly string[] }
  | { variable: string }

/** The part of a histogram's series with these labels, e.g. `staffmesh_job_lag_seconds_count{service_name="leave"}`. */
export function series(
  metric: Metric,
  part: 'bucket' | 'count' | 'sum',
  wanted: Readonly<Partial<Record<Attribute, Wanted>>> = {},
): string {
  const labels = Object.entries(wanted).map(([attribute, value]) =>
    matcher(labelName(attribute as Attribute), value),
  )
  return `${metricName(metric)}_${part}${labels.length > 0 ? `{${labels.join(',')}}` : ''}`
}

/** One label as PromQL selects by it. */
export function matcher(label: string, wanted: Wanted): string {
  if (wanted === anyValue) return `${label}!=""`
  if (typeof wanted === 'string') return `${label}=${JSON.stringify(wanted)}`
  // Grafana writes what is chosen as a regular expression.
  if ('variable' in wanted) return `${label}=~"$${wanted.variable}"`
  return 'not' in wanted ? `${label}!~${anyOf(wanted.not)}` : `${label}=~${anyOf(wanted)}`
}

const anyOf = (values: readonly string[]) => JSON.stringify(values.map(literally).join('|'))

const literally = (value: string) => value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
