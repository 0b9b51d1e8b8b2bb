import type { Comparison } from './compare.ts'
import type { Cost } from './processes.ts'

export const say = (text: string) => process.stdout.write(`${text}\n`)

export function report(name: string, { ours, bare, ratio }: Comparison, aim?: string): void {
  const rate = ({ perSecond, cpu, latency }: Comparison['ours']) =>
    `${cpu.toFixed(2).padStart(6)} CPU-ms ${Math.round(perSecond).toString().padStart(6)}/s ${latency.toFixed(1).padStart(5)} ms`
  say(
    `${name.padEnd(34)}${rate(ours)}   bare pg ${rate(bare)}   ratio ${ratio.toFixed(2)}${aim ? `  (aim ${aim})` : ''}`,
  )
}

export const costly = ({ wall, cpu }: Cost) => `${wall.toFixed(1)} s, ${cpu.toFixed(1)} CPU-s`
