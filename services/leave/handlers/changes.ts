/** What a command changes of an object, for its events and its audit entry. */
export function changesOf<T extends object>(before: T, given: { [K in keyof T]?: T[K] | undefined }) {
  const fields = Object.entries(given).filter(([, value]) => value !== undefined)
  const changed = fields.map(([name]) => name)
  return {
    after: { ...before, ...Object.fromEntries(fields) } as T,
    changed,
    of: (object: T) => Object.fromEntries(Object.entries(object).filter(([name]) => changed.includes(name))),
  }
}
