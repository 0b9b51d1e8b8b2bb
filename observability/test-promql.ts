import { parser } from '@prometheus-io/lezer-promql'

/** Where the parser of Prometheus's own editor stumbles. */
export function stumbles(expression: string): string[] {
  const found: string[] = []
  parser.parse(expression).iterate({
    enter({ type, from, to }) {
      if (type.isError) found.push(`${expression.slice(0, from)}☞${expression.slice(from, to)}`)
    },
  })
  return found
}
