/** What Prometheus has scraped each minute, written as promtool reads it. */
export interface Series {
  series: string
  values: string
}

/** A counter that grows by so much each minute, for so many minutes, then goes on with the next. */
export function counter(
  series: string,
  ...phases: readonly (readonly [minutes: number, perMinute: number])[]
): Series {
  let total = 0
  const values = phases.map(([minutes, perMinute]) => {
    const first = total
    total += minutes * perMinute
    return `${first}+${perMinute}x${minutes - 1}`
  })
  return { series, values: values.join(' ') }
}

/** A gauge with one value for so many minutes, then with the next; `gone` is no series at all. */
export const gauge = (
  series: string,
  ...phases: readonly (readonly [minutes: number, value: number | 'gone'])[]
): Series => ({
  series,
  values: phases
    .map(([minutes, value]) => (value === 'gone' ? `_x${minutes}` : `${value}+0x${minutes - 1}`))
    .join(' '),
})
