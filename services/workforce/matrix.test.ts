import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestCaller } from '#kit/testing.ts'
import { workforceContract } from './contract.ts'
import {
  type CallerKind,
  callers,
  expected,
  gaps,
  type Outcome,
  type Relation,
  relations,
} from './matrix/matrix.ts'
import { samples } from './matrix/samples.ts'
import { type Scene, Stage } from './matrix/scene.ts'
import { type OperationName, startWorkforce, type TestWorkforce } from './testing.ts'

let workforce: TestWorkforce
let stage: Stage
beforeAll(async () => {
  workforce = await startWorkforce()
  stage = await Stage.open(workforce)
})
afterAll(() => workforce.close())

const operations = workforceContract.operations
const names = Object.keys(operations) as OperationName[]

/** Scenes that still look as they did at first: one that a command has changed is not used again. */
const scenes = new Map<string, Scene>()

async function sceneOf(name: OperationName, relation: Relation): Promise<{ key: string; scene: Scene }> {
  const { prepare } = samples[name]
  const key = `${prepare ? name : 'any'} ${relation}`
  let scene = scenes.get(key)
  if (!scene) {
    scene = await stage.scene(relation)
    await prepare?.(scene, workforce)
    scenes.set(key, scene)
  }
  return { key, scene }
}

const callerOf = (kind: CallerKind, caller: TestCaller): TestCaller | undefined =>
  kind === 'no token' ? undefined : { ...caller, roles: kind === 'none' ? [] : [kind] }

async function outcomeOf<K extends OperationName>(
  name: K,
  kind: CallerKind,
  relation: Relation,
): Promise<Outcome | string> {
  const { key, scene } = await sceneOf(name, relation)
  const sample = samples[name]
  const answer = await workforce.send(name, sample.input(scene), callerOf(kind, scene.caller), sample.csv)
  if (answer.status >= 300) {
    const refusals: number[] = [401, 403, 404, 422]
    return refusals.includes(answer.status) ? (answer.status as Outcome) : JSON.stringify(answer.body)
  }
  if (operations[name].kind === 'command') scenes.delete(key)
  if (sample.shows) return sample.shows(answer.body as never, scene) ? 'shown' : 'hidden'
  return 'done'
}

it('has a sample of every operation', () => {
  expect(gaps(operations, samples)).toEqual([])
  expect(gaps({ ...operations, brandNew: operations.getEmployee }, samples)).toEqual(['brandNew'])
})

describe.each(names)('%s', (name) => {
  it.each(callers)('as %s', async (kind) => {
    const outcomes: Partial<Record<Relation, Outcome | string>> = {}
    const expectations: Partial<Record<Relation, Outcome>> = {}
    for (const relation of relations) {
      outcomes[relation] = await outcomeOf(name, kind, relation)
      expectations[relation] = expected(operations[name], samples[name], kind, relation)
    }
    expect(outcomes).toEqual(expectations)
  })
})
