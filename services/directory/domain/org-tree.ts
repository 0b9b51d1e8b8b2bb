interface Node {
  id: string
  parentId: string | null
}

/** Puts units in tree order, parents before children, siblings in the order given; each gets its level. */
export function orgTree<U extends Node>(units: readonly U[], rootId?: string): (U & { level: number })[] {
  const byId = new Map(units.map((unit) => [unit.id, unit]))
  const children = new Map<string | null, U[]>()
  for (const unit of units) {
    const parent = unit.parentId !== null && byId.has(unit.parentId) ? unit.parentId : null
    children.set(parent, [...(children.get(parent) ?? []), unit])
  }
  const root = rootId === undefined ? undefined : byId.get(rootId)
  if (rootId !== undefined && !root) return []
  const result: (U & { level: number })[] = []
  const stack = (root ? [root] : (children.get(null) ?? [])).map((unit) => ({ unit, level: 0 })).reverse()
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { unit, level } = next
    result.push({ ...unit, level })
    for (const child of (children.get(unit.id) ?? []).toReversed())
      stack.push({ unit: child, level: level + 1 })
  }
  return result
}
