/** In the largest of the units that it is one of; below all of them in the last. */
const scaled = (value: number, ...units: [size: number, unit: string][]) => {
  const [size, unit] = units.find(([size]) => Math.abs(value) >= size) ?? units.at(-1)!
  return `${digits(value / size)}${unit}`
}

const digits = (value: number) => String(Number(value.toPrecision(3)))

const short = (value: number) => scaled(value, [1e9, ' Bil'], [1e6, ' Mil'], [1e3, ' K'], [1, ''])
const per = (unit: string) => (value: number) => `${short(value)} ${unit}`

/** By Grafana's names of units. */
const formats: Readonly<Record<string, (value: number) => string>> = {
  short,
  reqps: per('req/s'),
  ops: per('ops/s'),
  opm: per('ops/min'),
  percentunit: (value) => `${digits(value * 100)}%`,
  s: (value) =>
    value === 0 ? '0 s' : scaled(value, [3600, ' h'], [60, ' min'], [1, ' s'], [1e-3, ' ms'], [1e-6, ' µs']),
}

/** A value as Grafana would write it. Throws where this drawing does not know the unit. */
export function format(unit: string | undefined, value: number): string {
  const write = formats[unit ?? 'short']
  if (!write) throw new Error(`observability/render/format.ts does not know the unit ${unit}: add it`)
  return write(value)
}
