import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { services } from './index.ts'
import { compatibilityFaults, type Summary, summaryOf } from './kit/compatibility.ts'
import type { Schema } from './kit/compatibility-schema.ts'

/** Where a schema takes fields that it does not name; records, whose fields have no names, aside. */
function openObjects(schema: Schema, path: string): string[] {
  const parts = [
    ...Object.entries(schema.properties ?? {}).map(([name, part]) => [`${path}/${name}`, part] as const),
    ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])].map(
      (part) => [path, part] as const,
    ),
    ...(schema.items ? [[`${path}/*`, schema.items] as const] : []),
  ]
  const open = schema.properties && schema.additionalProperties !== false ? [path] : []
  return [...open, ...parts.flatMap(([at, part]) => openObjects(part, at))]
}

describe.each(services)('the contract of $name', ({ name, contract }) => {
  const summary = summaryOf(contract)

  it('refuses unknown input, nested too', () => {
    const open = Object.entries(summary).flatMap(([operation, { input }]) => openObjects(input, operation))
    expect(open).toEqual([])
  })

  it('is one that callers of the released one can live with', async () => {
    const released = await readFile(new URL(`./${name}/contract.released.json`, import.meta.url), 'utf8')
    expect(compatibilityFaults(JSON.parse(released) as Summary, summary)).toEqual([])
  })
})
