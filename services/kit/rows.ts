import { z } from 'zod'
import type { Problems } from './contract.ts'
import { problemDocument, tellable } from './problem.ts'

/** A problem inside of an answer. */
const problem = z
  .looseObject({ type: z.string(), title: z.string(), status: z.int() })
  .meta({ description: 'RFC 9457 problem details of this row' })

/** What became of a row: the status that it would have had alone, and the answer or the problem. */
export const rowOf = <T extends z.ZodType>(done: T) =>
  z.object({ status: z.int(), done: done.nullable(), problem: problem.nullable() })

/**
 * Does a command for each row, one after the other. A row that is refused keeps none of the others; when the whole is
 * sent again with its Idempotency-Key, rows that were done get their former answers: `run` passes a step of the row's
 * own to its client.
 */
export async function eachRow<Row, T>(
  rows: readonly Row[],
  problems: Problems,
  run: (row: Row) => Promise<T>,
): Promise<{ status: number; done: T | null; problem: z.output<typeof problem> | null }[]> {
  const results = []
  for (const row of rows)
    try {
      results.push({ status: 200, done: await run(row), problem: null })
    } catch (error) {
      const { code, details } = tellable(error)
      const document = problemDocument(code, details, problems)
      // What is no fault of the row is for the whole to try again.
      if (document.status >= 500) throw error
      results.push({ status: document.status, done: null, problem: document })
    }
  return results
}
