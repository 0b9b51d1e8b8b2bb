import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'

/** What Grafana would ask of Prometheus, where somebody looks at that many seconds and has chosen nothing. */
export function interpolate(
  { templating }: Pick<Dashboard, 'templating'>,
  expression: string,
  { range, rate }: { range: number; rate: number },
): string {
  const values = new Map([
    ['__range', `${range}s`],
    ['__rate_interval', `${rate}s`],
    ...(templating.list ?? []).map(({ name, allValue }) => [name, allValue] as const),
  ])
  return expression.replace(/\$([a-z_]\w*)/gi, (variable, name: string) => {
    const value = values.get(name)
    if (value === undefined)
      throw new Error(
        `${variable} is no variable of the dashboard: ${expression}. Add it, or take one that is`,
      )
    return value
  })
}
