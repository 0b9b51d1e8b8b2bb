import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { interpolate } from './interpolate.ts'
import { queriesOf } from './queries.ts'

/** A time that somebody looks at; all in seconds. */
export interface Window {
  /** Since 1970. */
  end: number
  range: number
  /** Between two points. */
  step: number
  /** Of rates: four scrapes, and no less than a step. */
  rate: number
}

export interface Series {
  labels: Readonly<Record<string, string>>
  /** Seconds since 1970 and value, which is never NaN; one point where the query asks how it is now. */
  points: [at: number, value: number][]
}

interface Answer {
  status: string
  error?: string
  data: {
    result: { metric: Record<string, string>; value?: [number, string]; values?: [number, string][] }[]
  }
}

/** What Prometheus, at this base URL, answers to each query of a panel. Throws what it says of a query it refuses. */
export const answersTo = (prometheus: string, dashboard: Dashboard, panel: Panel, window: Window) =>
  Promise.all(
    queriesOf(panel).map(async ({ expr, instant }): Promise<Series[]> => {
      const query = interpolate(dashboard, expr, window)
      const { end, range, step } = window
      const path = instant ? `query?time=${end}` : `query_range?start=${end - range}&end=${end}&step=${step}`
      const response = await fetch(new URL(`/api/v1/${path}`, prometheus), {
        method: 'POST',
        body: new URLSearchParams({ query }),
      })
      const { status, error, data } = (await response.json()) as Answer
      if (status !== 'success') throw new Error(`${dashboard.title}, ${panel.title}: ${error}\n${query}`)
      return data.result
        .map(({ metric, value, values }) => ({ labels: metric, points: pointsOf(values ?? [value!]) }))
        .filter(({ points }) => points.length > 0)
    }),
  )

const pointsOf = (values: [number, string][]) =>
  values
    .map(([at, value]): [number, number] => [at, Number(value.replace('Inf', 'Infinity'))])
    .filter(([, value]) => !Number.isNaN(value))
