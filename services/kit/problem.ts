import type { Problem, Problems } from './contract.ts'

/** Problems that any operation may answer. `type` is this base plus the code (RFC 9457, section 3.1.1). */
export const problemBase = 'https://staffmesh.dev/problems/'

export const kitProblems = {
  'malformed-json': { status: 400, title: 'The body is not valid JSON' },
  'malformed-header': { status: 400, title: 'A header has an unusable value' },
  'idempotency-key-required': { status: 400, title: 'A command needs an Idempotency-Key' },
  unauthenticated: { status: 401, title: 'A valid access token is needed' },
  forbidden: { status: 403, title: 'The caller may not do this' },
  'route-not-found': { status: 404, title: 'There is nothing at this path' },
  'method-not-allowed': { status: 405, title: 'This path does not take that method' },
  'idempotency-conflict': { status: 409, title: 'The same command is still running' },
  'feed-reset': { status: 410, title: 'The cursor is of another incarnation of the feed; read it anew' },
  'version-conflict': { status: 412, title: 'The object has changed since it was read' },
  'body-too-large': { status: 413, title: 'The body is larger than this path takes' },
  'unsupported-media-type': { status: 415, title: 'The body has another content type than this path takes' },
  'invalid-input': { status: 422, title: 'The input breaks a rule' },
  'idempotency-key-reused': { status: 422, title: 'The Idempotency-Key was used with another body' },
  'precondition-required': { status: 428, title: 'If-Match is required' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  'bad-gateway': { status: 502, title: 'A service behind this one answered wrongly' },
  unavailable: { status: 503, title: 'The service cannot answer now' },
  'deadline-exceeded': { status: 504, title: 'The deadline passed before the work was done' },
} as const satisfies Problems

export type KitProblem = keyof typeof kitProblems

/** One broken rule of the input: where (RFC 6901), which rule, in words. */
export interface FieldError {
  pointer: string
  rule: string
  detail: string
}

export interface ProblemDetails {
  detail?: string
  /** JSON pointer (RFC 6901) to the field that breaks the rule. */
  pointer?: string
  errors?: FieldError[]
  [extension: string]: unknown
}

/** A decision's refusal: a code and its details, no HTTP. The kit's server renders it. */
export class DomainError<Code extends string = string> extends Error {
  readonly code: Code
  readonly details: ProblemDetails
  constructor(code: Code, details: ProblemDetails = {}, cause?: unknown) {
    super(details.detail ?? code, { cause })
    this.name = 'DomainError'
    this.code = code
    this.details = details
  }
}

/** What another service answered: passed on where the own contract declares the same code. */
export class RemoteProblem extends DomainError {
  readonly status: number
  constructor(status: number, code: string, details: ProblemDetails) {
    super(code, details)
    this.name = 'RemoteProblem'
    this.status = status
  }
}

/** A `refuse('code', {...})` that takes just the codes of one contract (and of the kit). */
export function refusals<P extends Problems>(_problems: P) {
  return (code: (keyof P & string) | KitProblem, details?: ProblemDetails) => new DomainError(code, details)
}

export interface ProblemDocument extends ProblemDetails {
  type: string
  title: string
  status: number
}

/**
 * An error as others may hear of it: what an operation does not declare (all is, where there is no operation) is
 * `internal`, without its message.
 */
export function tellable(
  error: unknown,
  declared?: readonly string[],
): { code: string; details: ProblemDetails } {
  if (error instanceof RemoteProblem && error.status >= 500) {
    const isOfTheMoment = error.code === 'unavailable' || error.code === 'deadline-exceeded'
    return { code: isOfTheMoment ? error.code : 'bad-gateway', details: {} }
  }
  const isDeclared =
    error instanceof DomainError && (error.code in kitProblems || !declared || declared.includes(error.code))
  return isDeclared ? { code: error.code, details: error.details } : { code: 'internal', details: {} }
}

/** Renders a code of `problems` or of the kit as an RFC 9457 document. */
export function problemDocument(code: string, details: ProblemDetails, problems: Problems): ProblemDocument {
  const problem: Problem = problems[code] ?? kitProblems[code as KitProblem] ?? kitProblems.internal
  return { type: problemBase + code, title: problem.title, status: problem.status, ...details }
}
