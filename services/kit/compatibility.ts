import { z } from 'zod'
import { type Schema, schemaFaults } from './compatibility-schema.ts'
import { type Contract, type Operation, type Reach, routeOf } from './contract.ts'

/** What callers rely on of an operation. */
export interface OperationSummary {
  kind: string
  route: string
  status: number
  ifMatch?: string
  sse?: boolean
  upload?: { type: string; maxBytes: number }
  access: string[]
  roles?: Record<string, Reach>
  deadline: number
  errors: Record<string, number>
  input: Schema
  output: Schema
}

/** The contract of a release, as checked in beside the service. */
export type Summary = Record<string, OperationSummary>

export function summaryOf(contract: Contract): Summary {
  const entries = Object.entries(contract.operations).map(
    ([name, op]) => [name, operationSummary(contract, name, op)] as const,
  )
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function operationSummary(contract: Contract, name: string, op: Operation): OperationSummary {
  const route = routeOf(name, op)
  return {
    kind: op.kind,
    route: `${route.method} ${route.path}`,
    status: route.status ?? 200,
    ...(route.ifMatch ? { ifMatch: route.ifMatch } : {}),
    ...(op.sse ? { sse: true } : {}),
    ...(op.upload ? { upload: { ...op.upload } } : {}),
    access: [...op.access].sort(),
    ...(op.roles ? { roles: { ...op.roles } as Record<string, Reach> } : {}),
    deadline: op.deadline,
    errors: Object.fromEntries(
      [...op.errors].sort().map((code) => [code, contract.problems[code]?.status ?? 500]),
    ),
    input: schemaOf(op.input, 'input'),
    output: schemaOf(op.output, 'output'),
  }
}

function schemaOf(type: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _, ...schema } = z.toJSONSchema(type, {
    io,
    reused: 'inline',
    unrepresentable: 'any',
    override({ jsonSchema }) {
      // Words may change, and the pattern of a format may become better.
      for (const key of ['description', 'title', 'examples', 'id'] as const) delete jsonSchema[key]
      if (jsonSchema.format) delete jsonSchema.pattern
    },
  })
  return schema as Schema
}

/**
 * What an older caller could not live with, one sentence each. Callees are released first and rolled back last, so
 * that older callers meet newer callees and never the other way round: servers refuse unknown input, and clients
 * ignore unknown output. So an operation may get optional input, more output and more operations beside it.
 */
export function compatibilityFaults(released: Summary, now: Summary): string[] {
  return Object.entries(released).flatMap(([name, before]) => {
    const after = now[name]
    if (!after) return [`${name}: is gone`]
    return [...operationFaults(before, after), ...dataFaults(before, after)].map((text) => `${name}: ${text}`)
  })
}

function operationFaults(before: OperationSummary, after: OperationSummary): string[] {
  const same = (['kind', 'route', 'status', 'ifMatch', 'sse'] as const)
    .filter((key) => before[key] !== after[key])
    .map((key) => `${key} is ${after[key] ?? 'none'}, was ${before[key] ?? 'none'}`)
  const width: Record<Reach, number> = { self: 0, reports: 1, all: 2 }
  const roles = Object.entries(before.roles ?? {})
    .filter(([role, reach]) => {
      const left = after.roles?.[role]
      return !left || width[left] < width[reach]
    })
    .map(([role, reach]) => `the role ${role} reaches ${after.roles?.[role] ?? 'nobody'}, reached ${reach}`)
  return [
    ...same,
    ...roles,
    ...before.access
      .filter((access) => !after.access.includes(access))
      .map((access) => `access by ${access} is gone`),
    ...(after.deadline < before.deadline
      ? [`the deadline is ${after.deadline} ms, was ${before.deadline}`]
      : []),
    ...Object.entries(before.errors)
      .filter(([code, status]) => code in after.errors && after.errors[code] !== status)
      .map(([code, status]) => `the error ${code} has status ${after.errors[code]}, had ${status}`),
    ...uploadFaults(before.upload, after.upload),
  ]
}

function uploadFaults(before: OperationSummary['upload'], after: OperationSummary['upload']): string[] {
  if (before?.type !== after?.type) return [`takes ${after?.type ?? 'JSON'}, took ${before?.type ?? 'JSON'}`]
  return before && after && after.maxBytes < before.maxBytes
    ? [`takes ${after.maxBytes} bytes, took ${before.maxBytes}`]
    : []
}

const dataFaults = (before: OperationSummary, after: OperationSummary) => [
  ...schemaFaults('input', before.input, after.input),
  ...schemaFaults('output', before.output, after.output),
]
