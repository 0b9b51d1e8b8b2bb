import { pino } from 'pino'

type Line = Record<string, unknown>
let forward: ((level: number, line: Line, message: string) => void) | undefined

/** Hands each line to telemetry as well. */
export function forwardLogs(to: typeof forward): void {
  forward = to
}

const warning = 40
/** Characters that are gathered at most, and milliseconds for which. */
const gathered = { characters: 8192, ms: 100 }
let lines = ''
let flushing: NodeJS.Timeout | undefined

/**
 * Lines are gathered for a moment: under load a system call for each would be a tenth of a request's cost. Warnings and
 * errors go out at once, and all does when the process ends. (pino's own buffering waits for ever for a reader that
 * has gone.)
 */
function flush(): void {
  clearTimeout(flushing)
  flushing = undefined
  // Nobody may read them any more, which is no reason to fail a request or a shutdown.
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => {})
  process.stdout.write(lines)
  lines = ''
}
process.on('exit', () => {
  if (lines !== '') flush()
})

/** JSON lines; never names, addresses or amounts. Level by LOG_LEVEL. */
export const log = pino(
  {
    level: process.env.LOG_LEVEL ?? (process.env.VITEST ? 'silent' : 'info'),
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: describeError },
    hooks: {
      logMethod(args, method, level) {
        const [line, message] = args as unknown as [Line, string]
        forward?.(level, line, message)
        method.apply(this, args)
        if (level >= warning || lines.length > gathered.characters) flush()
        else flushing ??= setTimeout(flush, gathered.ms).unref()
      },
    },
  },
  {
    write(line: string) {
      lines += line
    },
  },
)

/**
 * What may be told of an error. Messages of the database and of parsers quote what people entered, so of those just
 * the codes are told; the stack without its first lines tells where.
 */
export function describeError(error: unknown): Line {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, constraint, table } = error as { code?: unknown; constraint?: unknown; table?: unknown }
  const quotes = 'severity' in error || 'query' in error || error instanceof SyntaxError
  return {
    type: error.constructor.name,
    ...(quotes ? {} : { message: error.message }),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof constraint === 'string' ? { constraint } : {}),
    ...(typeof table === 'string' ? { table } : {}),
    stack: (error.stack ?? '')
      .split('\n')
      .filter((line) => line.startsWith('    at '))
      .join('\n'),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  }
}

/** The trace and span of a W3C `traceparent`, as fields of a log line. */
export function traceOf(traceparent: string | undefined): { trace_id?: string; span_id?: string } {
  const [, trace, span] = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-/.exec(traceparent ?? '') ?? []
  return trace && span ? { trace_id: trace, span_id: span } : {}
}
