import type { Tx } from '#kit/tx.ts'

/** Employees by their numbers; a number that several have names all of them. Whose data were erased is nobody. */
export async function employeesByNumber(tx: Tx, numbers: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await tx.query<{ number: string; id: string }>(
    'select number, id from employee where number = any ($1) and erased_at is null',
    [numbers],
    'employees_by_number',
  )
  const byNumber = Map.groupBy(rows, ({ number }) => number)
  return new Map([...byNumber].map(([number, found]) => [number, found.map(({ id }) => id)]))
}

/** Which of some lots there are. */
export async function knownLots(tx: Tx, ids: readonly string[]): Promise<Set<string>> {
  const rows = await tx.query<{ id: string }>('select id from lot where id = any ($1)', [ids], 'lots_known')
  return new Set(rows.map(({ id }) => id))
}
