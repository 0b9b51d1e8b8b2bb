import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Contract, Operation } from '#kit/contract.ts'
import type { TestCaller } from '#kit/testing.ts'
import type { Sample, Samples } from './matrix.ts'

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

interface Trials<C extends Contract, Scene> {
  contract: C
  samples: Samples<C, Scene>
  /** Sets up what the samples need. */
  scene(): Promise<Scene>
  /** Somebody who may do everything in that scene. */
  caller(scene: Scene): TestCaller
  send(
    operation: string,
    input: object,
    caller: TestCaller,
    csv: string | undefined,
  ): Promise<{ status: number; headers: Headers; body: unknown }>
}

/** Puts nasty values into every field of every operation: whatever comes of it, it is an answer or a problem. */
export function describeNasties<C extends Contract, Scene>(trials: Trials<C, Scene>): void {
  const { contract, samples, send } = trials
  describe.each(Object.entries<Operation>(contract.operations))('%s', (name, op) => {
    it('answers whatever is in a field, or refuses it with a problem', async () => {
      const sample: Sample<Operation, Scene> = samples[name]!
      let scene: Scene | undefined
      const failures: unknown[] = []
      for (const { path, nasty } of trialsOf(z.toJSONSchema(op.input, { io: 'input' }) as Schema)) {
        // If-Match is a header, which cannot even carry most of this.
        if (path[0] === op.route?.ifMatch) continue
        if (!scene) {
          scene = await trials.scene()
          await sample.prepare?.(scene)
        }
        await sample.wait?.(scene)
        const input = withField(sample.input(scene) as object, path, nasty)
        const { status, headers, body } = await send(name, input, trials.caller(scene), sample.csv)
        const isProblem = headers.get('content-type') === 'application/problem+json'
        if (status >= 500 || (status >= 400 && !isProblem)) failures.push({ path, nasty, status, body })
        if (status < 300 && op.kind === 'command') scene = undefined
      }
      expect(failures).toEqual([])
    })
  })
}
