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

/** A value, one of several, or any but none. */
export type Wanted = string | readonly string[] | typeof anyValue

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
  return typeof wanted === 'string'
    ? `${label}=${JSON.stringify(wanted)}`
    : `${label}=~${JSON.stringify(wanted.map(literally).join('|'))}`
}

const literally = (value: string) => value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
