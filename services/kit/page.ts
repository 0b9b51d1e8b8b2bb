import { DomainError } from './problem.ts'

/** A page of rows that were asked for with one more than its size; the next one follows the id of its last. */
export const cutPage = <T extends { id: string }>(rows: readonly T[], limit: number) => {
  const items = rows.slice(0, limit)
  return { items, next: rows.length > limit ? items.at(-1)!.id : null }
}

export const badCursor = () =>
  new DomainError('invalid-input', {
    errors: [{ pointer: '/cursor', rule: 'cursor', detail: 'Is not a cursor of this list' }],
  })
