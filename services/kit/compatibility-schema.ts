/** What the compatibility check reads of a JSON Schema (draft 2020-12, as zod writes it). */
export interface Schema {
  type?: string | string[]
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  items?: Schema
  prefixItems?: Schema[]
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  format?: string
  pattern?: string
  default?: unknown
  [limit: string]: unknown
}

/**
 * - `input`: older callers send, the new server reads and refuses what it does not know
 * - `output`: the new server sends, older callers read and ignore what they do not know
 */
export type Direction = 'input' | 'output'

interface Pair {
  direction: Direction
  sent: Schema
  read: Schema
  path: string
}

/** What in a change from one schema to the other an older caller could not live with: one sentence each. */
export function schemaFaults(direction: Direction, before: Schema, now: Schema): string[] {
  const [sent, read] = direction === 'input' ? [before, now] : [now, before]
  return compare({ direction, sent, read, path: '' })
}

function compare(pair: Pair): string[] {
  return [...defaultFaults(pair), ...typeFaults(pair)]
}

function defaultFaults(pair: Pair): string[] {
  const { direction, sent, read } = pair
  const same = JSON.stringify(sent.default) === JSON.stringify(read.default)
  return direction === 'output' || sent.default === undefined || same
    ? []
    : [fault(pair, '', 'means something else when it is left out')]
}

function typeFaults(pair: Pair): string[] {
  const { direction, sent, read } = pair
  if (isAnything(read)) return []
  if (isAnything(sent)) return [fault(pair, 'may be anything', 'is restricted now')]
  const sentBranches = branches(sent)
  const readBranches = branches(read)
  if (sentBranches.length > 1 || readBranches.length > 1)
    return alternatives(pair, sentBranches, readBranches)

  const values = valueFaults(pair)
  if (values) return values
  if (!isWithin(sent.type, read.type))
    return [fault(pair, `is ${sent.type}, was ${read.type}`, `is ${read.type}, was ${sent.type}`)]
  return [
    ...(sent.type === 'object' ? objectFaults(pair) : []),
    ...(sent.items && read.items
      ? compare({ ...pair, sent: sent.items, read: read.items, path: `${pair.path}/*` })
      : []),
    ...(direction === 'input' ? limitFaults(pair) : formatFaults(pair)),
  ]
}

const fault = ({ direction, path }: Pair, output: string, input: string) =>
  `${direction} ${path || '(all)'} ${direction === 'input' ? input : output}`

const isAnything = (schema: Schema) =>
  !schema.type && !schema.enum && !('const' in schema) && branches(schema).length === 1 && !schema.allOf

function branches(schema: Schema): Schema[] {
  const { default: _, ...rest } = schema
  if (Array.isArray(rest.type)) return rest.type.map((type) => ({ ...rest, type }))
  return schema.anyOf ?? schema.oneOf ?? [schema]
}

const isWithin = (sent: Schema['type'], read: Schema['type']) =>
  sent === read || (sent === 'integer' && read === 'number')

/** Each alternative that may be sent must be one that is read. */
function alternatives(pair: Pair, sent: Schema[], read: Schema[]): string[] {
  return sent.flatMap((branch) => {
    const attempts = read.map((candidate) => compare({ ...pair, sent: branch, read: candidate }))
    if (attempts.some((faults) => faults.length === 0)) return []
    // The alternative that it was, where one can tell: by the literal that distinguishes them, or by the type.
    const index = read.findIndex((candidate) => label(candidate) === label(branch))
    return index >= 0
      ? attempts[index]!
      : [fault(pair, `may be ${label(branch)} now`, `can no longer be ${label(branch)}`)]
  })
}

function label(schema: Schema): string {
  const literals = Object.entries(schema.properties ?? {})
    .map(([name, property]) => [name, valuesOf(property)] as const)
    .filter(([, values]) => values)
    .map(([name, values]) => `${name}: ${values!.map((value) => JSON.stringify(value)).join('|')}`)
  if (literals.length > 0) return `{ ${literals.join(', ')} }`
  const values = valuesOf(schema)?.map((value) => JSON.stringify(value))
  return values?.join('|') ?? String(schema.type ?? 'anything')
}

function valuesOf(schema: Schema): unknown[] | undefined {
  if ('const' in schema) return [schema.const]
  return schema.enum
}

/** Undefined where neither side names its values. */
function valueFaults(pair: Pair): string[] | undefined {
  const sent = valuesOf(pair.sent)
  const read = valuesOf(pair.read)
  if (!read) return undefined
  if (!sent) return [fault(pair, 'is not a known value any more', `takes only ${label(pair.read)} now`)]
  if (pair.direction === 'output' && pair.read['x-extensible-enum']) return []
  const known = new Set(read)
  return sent
    .filter((value) => !known.has(value))
    .map((value) =>
      fault(
        pair,
        `may be ${JSON.stringify(value)} now, which older callers do not know`,
        `no longer takes ${JSON.stringify(value)}`,
      ),
    )
}

function objectFaults(pair: Pair): string[] {
  const { direction, sent, read, path } = pair
  const sentNames = Object.keys(sent.properties ?? {})
  const readProperties = read.properties ?? {}
  const surely = new Set(sent.required)
  const missing = (read.required ?? [])
    .filter((name) => !surely.has(name))
    .map((name) => {
      const at = { ...pair, path: `${path}/${name}` }
      return sentNames.includes(name)
        ? fault(at, 'may be missing now', 'is required now')
        : fault(at, 'is gone', 'is new and required')
    })
  // A field that was optional in the output may go only where nobody could have read it.
  const gone =
    direction === 'output'
      ? Object.keys(readProperties)
          .filter((name) => !sentNames.includes(name) && !read.required?.includes(name))
          .map((name) => fault({ ...pair, path: `${path}/${name}` }, 'is gone', ''))
      : []
  const both = sentNames.flatMap((name) => {
    const at = { ...pair, path: `${path}/${name}`, sent: sent.properties![name]! }
    const reader = readProperties[name] ?? unnamed(read)
    if (reader) return compare({ ...at, read: reader })
    return direction === 'input' ? [fault(at, '', 'is gone: servers refuse what they do not know')] : []
  })
  const free = unnamed(sent)
  const freeReader = unnamed(read)
  const rest = free && freeReader ? compare({ ...pair, sent: free, read: freeReader, path: `${path}/*` }) : []
  return [...missing, ...gone, ...both, ...rest]
}

/** The schema of fields that have no names in the contract (a record). */
function unnamed(schema: Schema): Schema | undefined {
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
}

const lower = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']
const upper = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']

/** Limits that leave less room than they did. */
function limitFaults(pair: Pair): string[] {
  const { sent, read } = pair
  const limit = (schema: Schema, name: string, absent: number) =>
    (schema[name] as number | undefined) ?? absent
  const tightened = [
    ...lower.filter((name) => limit(read, name, -Infinity) > limit(sent, name, -Infinity)),
    ...upper.filter((name) => limit(read, name, Infinity) < limit(sent, name, Infinity)),
    ...(read.multipleOf !== undefined && read.multipleOf !== sent.multipleOf ? ['multipleOf'] : []),
  ].map((name) => fault(pair, '', `has ${name} ${read[name]}, had ${sent[name] ?? 'none'}`))
  return [...tightened, ...formatFaults(pair)]
}

/** A reader that expects a form gets another one. */
function formatFaults(pair: Pair): string[] {
  return (['format', 'pattern'] as const)
    .filter((name) => pair.read[name] !== undefined && pair.read[name] !== pair.sent[name])
    .map((name) =>
      fault(
        pair,
        `has ${name} ${pair.sent[name] ?? 'none'}, had ${pair.read[name]}`,
        `has ${name} ${pair.read[name]}, had ${pair.sent[name] ?? 'none'}`,
      ),
    )
}
