import { describe, expect, it } from 'vitest'
import type { Contract, Operation } from '#kit/contract.ts'
import type { TestCaller } from '#kit/testing.ts'
import {
  type CallerKind,
  callers,
  expected,
  gaps,
  identityOf,
  type Outcome,
  type Relation,
  relationsOf,
  type Sample,
  type Samples,
} from './matrix.ts'

interface Matrix<C extends Contract, Scene extends { caller: TestCaller }> {
  contract: C
  samples: Samples<C, Scene>
  /** Sets up a target that stands so to the caller. */
  scene(relation: Relation): Promise<Scene>
  send(
    operation: string,
    input: object,
    caller: TestCaller | undefined,
    csv: string | undefined,
  ): Promise<{ status: number; body: unknown }>
}

const refusals: readonly unknown[] = [401, 403, 404, 422] satisfies Outcome[]

/** Tests every operation of a contract as every caller in every relation. */
export function describeMatrix<C extends Contract, Scene extends { caller: TestCaller }>(
  matrix: Matrix<C, Scene>,
): void {
  const { contract, samples, send } = matrix
  /** Scenes that still look as they did at first: one that a command has changed is not used again. */
  const scenes = new Map<string, Scene>()

  async function cell(name: string, sample: Sample<Operation, Scene>, kind: CallerKind, relation: Relation) {
    const key = `${sample.prepare ? name : 'any'} ${relation}`
    const scene = scenes.get(key) ?? (await matrix.scene(relation))
    if (!scenes.has(key)) await sample.prepare?.(scene)
    scenes.set(key, scene)
    await sample.wait?.(scene)
    const sender = identityOf(kind, scene.caller)
    const answer = await send(name, sample.input(scene) as object, sender, sample.csv)
    const { body } = answer
    const status = answer.status < 300 && sample.status ? sample.status(body) : answer.status
    if (refusals.includes(status)) return status
    if (status >= 300) return { status, body }
    if (contract.operations[name]!.kind === 'command') scenes.delete(key)
    if (!sample.shows) return 'done'
    return sample.shows(body, scene) ? 'shown' : 'hidden'
  }

  it('has a sample of every operation', () => {
    expect(gaps(contract, samples)).toEqual([])
  })

  describe.each(Object.entries<Operation>(contract.operations))('%s', (name, op) => {
    it.each(callers)('as %s', async (kind) => {
      const sample: Sample<Operation, Scene> = samples[name]!
      const relations = relationsOf(sample)
      const outcomes = new Map<Relation, unknown>()
      for (const relation of relations) outcomes.set(relation, await cell(name, sample, kind, relation))
      expect(Object.fromEntries(outcomes)).toEqual(
        Object.fromEntries(relations.map((relation) => [relation, expected(op, sample, kind, relation)])),
      )
    })
  })
}
