import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Operation } from '#kit/contract.ts'
import { workforceContract } from './contract.ts'
import type { Sample } from './matrix/matrix.ts'
import { samples } from './matrix/samples.ts'
import { type Scene, Stage } from './matrix/scene.ts'
import { type Input, type OperationName, startWorkforce, type TestWorkforce } from './testing.ts'

let workforce: TestWorkforce
let stage: Stage
beforeAll(async () => {
  workforce = await startWorkforce()
  stage = await Stage.open(workforce)
})
afterAll(() => workforce.close())

/** What nobody thinks of, and what breaks out of types, encodings and languages. */
const nasties: readonly unknown[] = [
  null,
  '',
  'a\0b',
  '\ud800',
  "'; drop table employee; --",
  'x'.repeat(501),
  -1,
  [],
  {},
]

/** What breaks out of calendars and number ranges; to a text it is nothing special. */
const outliers: readonly unknown[] = [
  '0000-01-01',
  '9999-12-31',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999Z',
  '00000000-0000-0000-0000-000000000000',
  'Infinity',
  0.1,
  2 ** 31,
  2 ** 53,
  1.7e308,
]

type Path = readonly string[]
interface Schema {
  type?: string
  format?: string
  properties?: Record<string, Schema>
}

/** Every field of an input, also inside of other fields, with what to put there. */
const trialsOf = (schema: Schema, path: Path = []): { path: Path; nasty: unknown }[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const here = [...path, name]
    const isText = field.type === 'string' && !field.format
    const values = isText ? nasties : [...nasties, ...outliers]
    return [...values.map((nasty) => ({ path: here, nasty })), ...trialsOf(field, here)]
  })

function withField(input: object, [name, ...rest]: Path, value: unknown): object {
  const inner = (input as Record<string, object | undefined>)[name!]
  return { ...input, [name!]: rest.length > 0 ? withField(inner ?? {}, rest, value) : value }
}

describe.each(Object.entries<Operation>(workforceContract.operations))('%s', (name, op) => {
  const sample = samples[name as OperationName] as Sample<Operation, Scene>

  it('answers whatever is in a field, or refuses it with a problem', async () => {
    let scene: Scene | undefined
    const failures: unknown[] = []
    for (const { path, nasty } of trialsOf(z.toJSONSchema(op.input, { io: 'input' }) as Schema)) {
      // If-Match is a header, which cannot even carry most of this.
      if (path[0] === op.route?.ifMatch) continue
      if (!scene) {
        scene = await stage.scene('direct')
        await sample.prepare?.(scene)
      }
      const input = withField(sample.input(scene) as object, path, nasty) as Input<OperationName>
      const answer = await workforce.send(name as OperationName, input, scene.admin, sample.csv)
      const { status, headers, body } = answer
      const isProblem = headers.get('content-type') === 'application/problem+json'
      if (status >= 500 || (status >= 400 && !isProblem)) failures.push({ path, nasty, status, body })
      if (status < 300 && op.kind === 'command') scene = undefined
    }
    expect(failures).toEqual([])
  })
})
