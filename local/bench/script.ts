import { randomUUIDv7 } from 'node:crypto'
import type { Statement } from './record.ts'

/** A parameter that differs from one repetition to the next; `fresh` holds placeholders. */
type Varying = { count: number } | { fresh: string }

export interface Script {
  statements: (Omit<Statement, 'parameters'> & { parameters?: (string | null | Varying)[] })[]
  /** How many requests the statements belong to. */
  requests: number
  /** In whose place each repetition puts the next of others; without, all are of what was recorded. */
  cast?: Cast
}

/** The ids of all that a command is about, and those of others of the same kinds in the same order. */
export interface Cast {
  recorded: string[]
  others: string[][]
}

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const date = /\b\d{4}-\d\d-\d\d\b/g
const dayLength = 86_400_000

/**
 * What two recordings of one command tell about repeating it: a number that grew by one is a version and goes on
 * growing, and so do days; an id that only the second has was made for it, and each repetition makes its own.
 */
export function repeatable(first: readonly Statement[], second: readonly Statement[], cast?: Cast): Script {
  const known = new Set(JSON.stringify(first).match(uuid))
  const made = [...new Set(JSON.stringify(second).match(uuid))].filter((id) => !known.has(id))
  const named = [
    ...made.map((id, index) => [id, `<made:${index}>`] as const),
    ...(cast?.recorded ?? []).map((id, index) => [id, `<cast:${index}>`] as const),
  ]
  const statements = second.map((statement, at) => {
    const { parameters, ...rest } = statement
    if (first[at]?.text !== statement.text && parameters)
      throw new Error(`Two runs of one command sent different statements: ${statement.text}`)
    if (!parameters) return rest
    return {
      ...rest,
      parameters: parameters.map((value, index) => vary(first[at]!.parameters![index]!, value, named)),
    }
  })
  return { statements, requests: 1, ...(cast && { cast }) }
}

function vary(
  before: string | null,
  value: string | null,
  named: readonly (readonly [id: string, placeholder: string])[],
): string | null | Varying {
  if (value === null) return null
  if (/^\d+$/.test(value) && Number(value) === Number(before) + 1) return { count: Number(value) + 1 }
  const days = before?.match(date) ?? []
  let at = 0
  const text = named
    .reduce((result, [id, placeholder]) => result.replaceAll(id, placeholder), value)
    .replaceAll(date, (day) => (shifted(days[at++] ?? day, 1) === day ? `<day:${shifted(day, 1)}>` : day))
  return text === value ? value : { fresh: text }
}

const shifted = (day: string, days: number): string =>
  new Date(Date.parse(day) + days * dayLength).toISOString().slice(0, 10)

/** The statements of a script's repetition. */
export function repetition({ statements, cast }: Script, turn: number): Statement[] {
  const others = cast?.others ?? [[]]
  const member = others[turn % others.length]!
  // All of the cast have had their turn this often.
  const round = Math.floor(turn / others.length)
  const made: string[] = []
  const filling = (_: string, kind: string, what: string): string => {
    if (kind === 'day') return shifted(what, round)
    if (kind === 'cast') return member[Number(what)]!
    made[Number(what)] ??= randomUUIDv7()
    return made[Number(what)]!
  }
  const filled = (parameter: string | null | Varying): string | null => {
    if (parameter === null || typeof parameter === 'string') return parameter
    if ('count' in parameter) return String(parameter.count + round)
    return parameter.fresh.replaceAll(/<(made|day|cast):([^>]+)>/g, filling)
  }
  return statements.map(({ parameters, ...statement }) => ({
    ...statement,
    ...(parameters && { parameters: parameters.map(filled) }),
  }))
}
