import { maxBodyOf, type Operation } from '#kit/contract.ts'
import type { Limits, Service } from '#kit/service.ts'

/** Where a request goes, and what is demanded of it first. */
export interface Target {
  service: string
  /** For logs: the operation, or the declared path of a public one. */
  operation: string
  /** The declared path. */
  route: string
  /** Without it no token is looked at: the path authenticates its callers itself. */
  needsToken: boolean
  maxBody: number
  /** Milliseconds in which the body must have come, and again until the answer must begin. */
  patience: number
  /** Ends on drain and with its token. */
  isStream: boolean
  /** Lasts as long as the client likes. */
  isLong: boolean
  limits: Limits
}

/** The targets of one path by method. */
export type Targets = ReadonlyMap<string, Target>

interface Node {
  fixed: Map<string, Node>
  parameter?: Node
  targets?: Map<string, Target>
}

/** Forms and OAuth parameters are small. */
export const maxPublicBody = 64_000

/** A service ends at its own deadline, with a problem that says so; the edge waits a little longer for that. */
const slack = 2000

/** The routes of application services and the public paths, as the declarations say. */
export class Routes {
  readonly #root: Node = { fixed: new Map() }

  constructor(services: readonly Service[]) {
    for (const service of services) {
      for (const { methods, path } of service.publicPaths)
        for (const method of methods) this.#add(method, path, publicTarget(service, path))
      if (service.layer === 'application')
        for (const [name, op] of Object.entries(service.contract.operations))
          if (op.route) this.#add(op.route.method, op.route.path, operationTarget(service, name, op))
    }
  }

  #add(method: string, path: string, target: Target): void {
    let node = this.#root
    for (const segment of path.slice(1).split('/')) {
      if (segment.startsWith('{')) {
        node.parameter ??= { fixed: new Map() }
        node = node.parameter
      } else {
        if (!node.fixed.has(segment)) node.fixed.set(segment, { fixed: new Map() })
        node = node.fixed.get(segment)!
      }
    }
    node.targets ??= new Map()
    const other = node.targets.get(method)
    if (other)
      throw new Error(
        `${method} ${path} is declared by ${other.service}.${other.operation} and ${target.service}.${target.operation}`,
      )
    node.targets.set(method, target)
  }

  /** The targets of a path that `segmentsOf` took apart. */
  find(segments: readonly string[]): Targets | undefined {
    return match(this.#root, segments, 0)
  }
}

function match(node: Node, segments: readonly string[], at: number): Targets | undefined {
  if (at === segments.length) return node.targets
  const fixed = node.fixed.get(segments[at]!)
  return (
    (fixed && match(fixed, segments, at + 1)) ?? (node.parameter && match(node.parameter, segments, at + 1))
  )
}

const publicTarget = (service: Service, path: string): Target => ({
  service: service.name,
  operation: path,
  route: path,
  needsToken: false,
  maxBody: maxPublicBody,
  patience: 10_000,
  isStream: false,
  isLong: false,
  limits: service.limits,
})

const operationTarget = (service: Service, name: string, op: Operation): Target => ({
  service: service.name,
  operation: name,
  route: op.route!.path,
  needsToken: true,
  maxBody: maxBodyOf(op),
  patience: op.deadline + slack,
  isStream: op.kind === 'stream',
  isLong: op.kind === 'stream' || op.upload !== undefined,
  limits: service.limits,
})

const plain = /^(?:\/[\w.~!$&'()*+,;=:@%-]+)+$/

/**
 * The segments of a path, decoded. Undefined where a service behind might read the path differently than the edge
 * does: empty and dot segments, a trailing slash, an encoded slash, backslash, control or percent character.
 */
export function segmentsOf(path: string): string[] | undefined {
  if (path === '/') return []
  if (!plain.test(path)) return undefined
  const segments = path.slice(1).split('/')
  for (const [index, segment] of segments.entries()) {
    const decoded = segment.includes('%') ? decode(segment) : segment
    if (decoded === undefined || decoded === '.' || decoded === '..') return undefined
    segments[index] = decoded
  }
  return segments
}

function decode(segment: string): string | undefined {
  try {
    const decoded = decodeURIComponent(segment)
    return /[/\\%\p{Cc}]/u.test(decoded) ? undefined : decoded
  } catch {
    return undefined
  }
}
