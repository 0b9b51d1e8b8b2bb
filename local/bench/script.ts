import { randomUUIDv7 } from 'node:crypto'
import type { Statement } from './record.ts'

/** A parameter that differs from one repetition to the next. */
type Varying = { count: number } | { fresh: string }

export interface Script {
  statements: (Omit<Statement, 'parameters'> & { parameters?: (string | null | Varying)[] })[]
  /** How many requests the statements belong to. */
  requests: number
}

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

/**
 * What two recordings of one command tell about repeating it: a number that grew by one is a version and goes on
 * growing; an id that only the second has was made for it, and each repetition makes its own.
 */
export function repeatable(first: readonly Statement[], second: readonly Statement[]): Script {
  const known = new Set(JSON.stringify(first).match(uuid))
  const made = [...new Set(JSON.stringify(second).match(uuid))].filter((id) => !known.has(id))
  const statements = second.map((statement, at) => {
    const { parameters, ...rest } = statement
    if (first[at]?.text !== statement.text && parameters)
      throw new Error(`Two runs of one command sent different statements: ${statement.text}`)
    if (!parameters) return rest
    return {
      ...rest,
      parameters: parameters.map((value, index) => vary(first[at]!.parameters![index]!, value, made)),
    }
  })
  return { statements, requests: 1 }
}

function vary(before: string | null, value: string | null, made: readonly string[]): string | null | Varying {
  if (value === null || value === before) return value
  if (/^\d+$/.test(value) && Number(value) === Number(before) + 1) return { count: Number(value) + 1 }
  const text = made.reduce((result, id, index) => result.replaceAll(id, `<made:${index}>`), value)
  return text === value ? value : { fresh: text }
}

/** The statements of a script's repetition. */
export function repetition({ statements }: Script, turn: number): Statement[] {
  const ids: string[] = []
  const idOf = (index: string) => (ids[Number(index)] ??= randomUUIDv7())
  const filled = (parameter: string | null | Varying): string | null => {
    if (parameter === null || typeof parameter === 'string') return parameter
    if ('count' in parameter) return String(parameter.count + turn)
    return parameter.fresh.replaceAll(/<made:(\d+)>/g, (_, index: string) => idOf(index))
  }
  return statements.map(({ parameters, ...statement }) => ({
    ...statement,
    ...(parameters && { parameters: parameters.map(filled) }),
  }))
}
