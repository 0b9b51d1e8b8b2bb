import type { Span } from './observe-spans.ts'
import { table } from './table.ts'

interface Trace {
  id: string
  /** In the order of their starts. */
  spans: readonly Span[]
  start: number
  took: number
}

const barWidth = 24

/** The traces among the spans, oldest first. */
function tracesOf(spans: readonly Span[]): Trace[] {
  const traces = Map.groupBy(spans, ({ trace }) => trace)
  return [...traces]
    .map(([id, unordered]) => {
      const spans = unordered.toSorted((a, b) => a.start - b.start)
      const { start } = spans[0]!
      const end = spans.reduce((latest, span) => Math.max(latest, span.start + span.took), start)
      return { id, spans, start, took: end - start }
    })
    .sort((a, b) => a.start - b.start)
}

/**
 * The trace with that id, or those of the request with that id, as trees: each below the trace that caused it.
 * Undefined where there is none.
 */
export function storyOf(id: string, all: readonly Span[]): string | undefined {
  const wanted = new Set(
    all.filter((span) => span.trace === id || requestOf(span) === id).map(({ trace }) => trace),
  )
  if (wanted.size === 0) return undefined
  // A Set goes on with what is added while it is read: what they caused, what that caused, ...
  for (const cause of wanted)
    for (const span of all) if (span.links.some(({ trace }) => trace === cause)) wanted.add(span.trace)
  const told = tracesOf(all.filter(({ trace }) => wanted.has(trace)))
  const spans = told.flatMap((trace) => trace.spans)
  return told.map((trace) => treeOf(trace, spans)).join('\n\n')
}

/** The last traces that began with a request from outside, and those of background work; newest last. */
export function latest(spans: readonly Span[], count: number): string {
  const traces = tracesOf(spans)
  const listed = (title: string, isWanted: (root: Span) => boolean) => {
    const rows = traces.flatMap(({ id, spans, start, took }) => {
      const root = spans.find(({ parent }) => parent === undefined)
      if (!root || !isWanted(root)) return []
      const first = `${root.service} ${labelOf(root)}`
      return [[clock(start), id, duration(took), String(spans.length), statusOf(root), first]]
    })
    const header = ['began', 'trace', 'took', 'spans', 'status', 'with']
    return [title, ...table([header, ...rows.slice(-count)], [2, 3])].join('\n')
  }
  return [
    listed('Requests', (root) => requestOf(root) !== undefined),
    listed('Background', ({ kind }) => kind === 'consumer'),
  ].join('\n\n')
}

function treeOf(trace: Trace, all: readonly Span[]): string {
  const children = Map.groupBy(trace.spans, ({ parent }) => parent)
  const known = new Set(trace.spans.map(({ id }) => id))
  const caused = Map.groupBy(
    all.flatMap((span) => span.links.map((cause) => ({ cause: cause.id, span }))),
    ({ cause }) => cause,
  )
  const rows = (span: Span, indent: string, branch: string): string[][] => {
    const inside = [
      ...(children.get(span.id) ?? []).map((child) => ({ child, isCaused: false })),
      ...(caused.get(span.id) ?? []).map(({ span: child }) => ({ child, isCaused: true })),
    ]
    return [
      [
        span.service,
        `${branch}${labelOf(span)}`,
        kindOf(span),
        statusOf(span),
        duration(span.took),
        barOf(span, trace),
      ],
      ...inside.flatMap(({ child, isCaused }, i) => {
        const isLast = i === inside.length - 1
        const next = `${indent}${isLast ? '└' : '├'}`
        return isCaused
          ? [causedRow(child, `${next}┄ `, trace)]
          : rows(child, `${indent}${isLast ? '   ' : '│  '}`, `${next}─ `)
      }),
    ]
  }
  const roots = trace.spans.filter(({ parent }) => parent === undefined || !known.has(parent))
  const lines = table(
    roots.flatMap((root) => rows(root, '', '')),
    [4],
  )
  return [...headOf(trace, roots), ...lines].join('\n')
}

function headOf({ id, start, took, spans }: Trace, roots: readonly Span[]): string[] {
  const [first] = roots as [Span]
  const request = requestOf(first)
  const causes = new Set(roots.flatMap(({ links }) => links.map(({ trace }) => trace)))
  return [
    `Trace ${id}: ${spans.length} spans, ${duration(took)}, from ${new Date(start).toISOString()}`,
    ...(request === undefined ? [] : [`of the request ${request}`]),
    ...[...causes].map((cause) => `caused by the trace ${cause}`),
    ...(first.parent === undefined ? [] : ['Its beginning is missing.']),
  ]
}

/** A span of another trace, which has a tree of its own. */
const causedRow = (span: Span, branch: string, { start }: Trace): string[] => [
  span.service,
  `${branch}${labelOf(span)}`,
  kindOf(span),
  statusOf(span),
  duration(span.took),
  `+${duration(span.start - start)}`,
]

function labelOf({ name, attributes }: Span): string {
  const operation = attributes['staffmesh.operation']
  const callee = attributes['server.address']
  return [
    name,
    ...(operation === undefined || name.endsWith(String(operation)) ? [] : [`(${operation})`]),
    ...(callee === undefined ? [] : [`→ ${callee}`]),
  ].join(' ')
}

/** The edge says it, of requests from outside. */
const requestOf = ({ attributes }: Span) => attributes['staffmesh.request']

const kindOf = ({ kind, attributes }: Span) => ('db.system.name' in attributes ? 'sql' : kind)

const statusOf = ({ attributes, failed }: Span) =>
  [attributes['http.response.status_code'], attributes['error.type'] ?? (failed ? 'failed' : undefined)]
    .filter((part) => part !== undefined)
    .join(' ')

const duration = (milliseconds: number) => `${milliseconds.toFixed(1)} ms`

const clock = (start: number) => new Date(start).toISOString().slice(11, 23)

function barOf(span: Span, { start, took }: Trace): string {
  const scale = barWidth / Math.max(took, Number.MIN_VALUE)
  const from = Math.min(barWidth - 1, Math.floor((span.start - start) * scale))
  const length = Math.max(1, Math.min(barWidth - from, Math.round(span.took * scale)))
  return ' '.repeat(from) + '█'.repeat(length)
}
