import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { compatibilityFaults, summaryOf } from './compatibility.ts'
import { command, contract, type Operation, type Operations } from './contract.ts'
import { counterContract } from './fixtures/counter/contract.ts'
import { tallyContract } from './fixtures/tally/contract.ts'
import { growing } from './schemas.ts'

const input = z.strictObject({
  name: z.string().min(1).max(40),
  kind: z.enum(['big', 'small']).default('big'),
  tags: z.array(z.string()).max(5).optional(),
  target: z.discriminatedUnion('by', [
    z.strictObject({ by: z.literal('id'), id: z.uuid() }),
    z.strictObject({ by: z.literal('number'), number: z.int() }),
  ]),
})
const output = z.object({
  id: z.uuid(),
  state: z.enum(['open', 'done']),
  note: z.string().nullable(),
  extra: z.string().optional(),
  days: z.array(z.object({ date: z.iso.date(), hours: z.number() })),
  labels: z.record(z.string(), z.string()),
  mood: growing(['good']),
})
const base = command({
  summary: 'Does it',
  deadline: 2000,
  input,
  output,
  errors: ['not-now'],
  access: ['user', 'job'],
  route: { method: 'POST', path: '/v1/it/{id}', ifMatch: 'version' },
  roles: { 'hr-admin': 'all', manager: 'reports' },
})
const problems = { 'not-now': { status: 409, title: 'Not now' }, 'not-ever': { status: 409, title: 'Never' } }

const summary = (operations: Operations, titles = problems) =>
  summaryOf(
    contract({ service: 'it', layer: 'application', problems: titles, operations: operations as never }),
  )
const released = summary({ doIt: base as Operation })
const faults = (changed: object) =>
  compatibilityFaults(released, summary({ doIt: { ...base, ...changed } as never }))
const inputFaults = (changed: z.core.$ZodLooseShape) => faults({ input: input.extend(changed) })
const outputFaults = (changed: z.core.$ZodLooseShape) => faults({ output: output.extend(changed) })

describe('older callers can live with', () => {
  it.each<[string, object]>([
    ['nothing new', {}],
    [
      'a value more where it was told that there will be',
      { output: output.extend({ mood: growing(['good', 'bad']) }) },
    ],
    ['an optional field of the input', { input: input.extend({ more: z.string().optional() }) }],
    ['a field with a default', { input: input.extend({ more: z.int().default(1) }) }],
    [
      'a required field that became optional',
      { input: input.extend({ name: z.string().max(40).optional() }) },
    ],
    ['wider limits', { input: input.extend({ name: z.string().max(80) }) }],
    [
      'one value more to send',
      { input: input.extend({ kind: z.enum(['big', 'small', 'tiny']).default('big') }) },
    ],
    ['any text instead of some values', { input: input.extend({ kind: z.string().default('big') }) }],
    [
      'one alternative more to send',
      {
        input: input.extend({
          target: z.discriminatedUnion('by', [
            ...input.shape.target.options,
            z.strictObject({ by: z.literal('name'), name: z.string() }),
          ]),
        }),
      },
    ],
    ['a field more in the output', { output: output.extend({ more: z.string() }) }],
    ['an output that is surely there now', { output: output.extend({ extra: z.string() }) }],
    ['an output that is never null now', { output: output.extend({ note: z.string() }) }],
    ['one value less in the output', { output: output.extend({ state: z.enum(['open']) }) }],
    [
      'a whole number instead of any',
      {
        output: output.extend({ days: z.array(z.object({ date: z.iso.date(), hours: z.int() })) }),
      },
    ],
    ['a longer deadline', { deadline: 5000 }],
    ['another error', { errors: ['not-now', 'not-ever'] }],
    ['wider access', { access: ['user', 'job', 'service'] }],
    ['a wider role', { roles: { 'hr-admin': 'all', manager: 'all', employee: 'self' } }],
  ])('%s', (_, changed) => {
    expect(faults(changed)).toEqual([])
  })

  it('another operation', () => {
    expect(
      compatibilityFaults(released, summary({ doIt: base as Operation, doMore: base as Operation })),
    ).toEqual([])
  })
})

describe('older callers cannot live with', () => {
  it('the end of an operation', () => {
    expect(compatibilityFaults(released, {})).toEqual(['doIt: is gone'])
  })

  it.each<[object, string]>([
    [{ kind: 'query' }, 'doIt: kind is query, was command'],
    [
      { route: { ...base.route, path: '/v1/that/{id}' } },
      'doIt: route is POST /v1/that/{id}, was POST /v1/it/{id}',
    ],
    [{ route: { ...base.route, status: 202 } }, 'doIt: status is 202, was 200'],
    [{ route: { method: 'POST', path: '/v1/it/{id}' } }, 'doIt: ifMatch is none, was version'],
    [{ sse: true }, 'doIt: sse is true, was none'],
    [{ access: ['user'] }, 'doIt: access by job is gone'],
    [{ roles: { 'hr-admin': 'all' } }, 'doIt: the role manager reaches nobody, reached reports'],
    [
      { roles: { 'hr-admin': 'all', manager: 'self' } },
      'doIt: the role manager reaches self, reached reports',
    ],
    [{ deadline: 1000 }, 'doIt: the deadline is 1000 ms, was 2000'],
    [{ upload: { type: 'text/csv', maxBytes: 10 } }, 'doIt: takes text/csv, took JSON'],
  ])('%j', (changed, reason) => {
    expect(faults(changed)).toEqual([reason])
  })

  it('another status of an error', () => {
    const changed = { ...problems, 'not-now': { status: 423, title: 'Not now' } }
    expect(compatibilityFaults(released, summary({ doIt: base as Operation }, changed))).toEqual([
      'doIt: the error not-now has status 423, had 409',
    ])
  })

  it('a smaller upload', () => {
    const upload = (maxBytes: number) =>
      summary({ put: { ...base, upload: { type: 'text/csv', maxBytes } } as Operation })
    expect(compatibilityFaults(upload(20), upload(10))).toEqual(['put: takes 10 bytes, took 20'])
  })

  it.each<[string, z.core.$ZodLooseShape, string]>([
    ['a new required field', { more: z.string() }, '/more is new and required'],
    ['an optional field that is required now', { tags: z.array(z.string()).max(5) }, '/tags is required now'],
    ['a limit that is tighter', { name: z.string().min(1).max(20) }, '/name has maxLength 20, had 40'],
    ['a lower limit that is higher', { name: z.string().min(2).max(40) }, '/name has minLength 2, had 1'],
    ['a new limit', { name: z.string().min(1).max(40).regex(/^a/) }, '/name has pattern ^a, had none'],
    ['a value less', { kind: z.enum(['big']).default('big') }, '/kind no longer takes "small"'],
    [
      'another default',
      { kind: z.enum(['big', 'small']).default('small') },
      '/kind means something else when it is left out',
    ],
    ['another type', { name: z.int() }, '/name is integer, was string'],
    [
      'another type in a list',
      { tags: z.array(z.int()).max(5).optional() },
      '/tags/* is integer, was string',
    ],
    ['a shorter list', { tags: z.array(z.string()).max(3).optional() }, '/tags has maxItems 3, had 5'],
    [
      'one alternative less',
      { target: input.shape.target.options[0] },
      '/target can no longer be { by: "number" }',
    ],
    [
      'an alternative that asks for more',
      {
        target: z.discriminatedUnion('by', [
          z.strictObject({ by: z.literal('id'), id: z.uuid(), why: z.string() }),
          input.shape.target.options[1],
        ]),
      },
      '/target/why is new and required',
    ],
  ])('input: %s', (_, changed, reason) => {
    expect(inputFaults(changed)).toEqual([`doIt: input ${reason}`])
  })

  it('a field less in the input', () => {
    expect(faults({ input: input.omit({ tags: true }) })).toEqual([
      'doIt: input /tags is gone: servers refuse what they do not know',
    ])
  })

  it.each<[string, z.core.$ZodLooseShape, string]>([
    ['a field that may be missing', { note: z.string().nullable().optional() }, '/note may be missing now'],
    ['a field that may be null', { id: z.uuid().nullable() }, '/id may be null now'],
    [
      'a value more',
      { state: z.enum(['open', 'done', 'lost']) },
      '/state may be "lost" now, which older callers do not know',
    ],
    ['any text instead of values', { state: z.string() }, '/state is not a known value any more'],
    ['other values', { state: z.literal(1) }, '/state may be 1 now, which older callers do not know'],
    ['another type', { note: z.int().nullable() }, '/note may be integer now'],
    ['another format', { id: z.string() }, '/id has format none, had uuid'],
    [
      'another format within a list',
      {
        days: z.array(z.object({ date: z.string(), hours: z.number() })),
      },
      '/days/*/date has format none, had date',
    ],
    [
      'a field less within a list',
      { days: z.array(z.object({ date: z.iso.date() })) },
      '/days/*/hours is gone',
    ],
    [
      'another type in a record',
      { labels: z.record(z.string(), z.int()) },
      '/labels/* is integer, was string',
    ],
  ])('output: %s', (_, changed, reason) => {
    expect(outputFaults(changed)).toContain(`doIt: output ${reason}`)
  })

  it('a field less in the output, be it optional', () => {
    expect(faults({ output: output.omit({ id: true, extra: true }) })).toEqual([
      'doIt: output /id is gone',
      'doIt: output /extra is gone',
    ])
  })
})

it('summarises a contract so that it can be checked in', () => {
  for (const declared of [counterContract, tallyContract]) {
    const now = summaryOf(declared)
    expect(compatibilityFaults(JSON.parse(JSON.stringify(now)), now)).toEqual([])
    expect(Object.keys(now)).toEqual(Object.keys(declared.operations).sort())
  }
})
