import { afterAll, beforeAll, expect, it } from 'vitest'
import { workforceContract } from './contract.ts'
import { describeMatrix } from './matrix/describe.ts'
import { gaps, partOf } from './matrix/matrix.ts'
import { peopleSamples, samples } from './matrix/samples.ts'
import { Stage } from './matrix/scene.ts'
import { type Input, type OperationName, startWorkforce, type TestWorkforce } from './testing.ts'

let workforce: TestWorkforce
let stage: Stage
beforeAll(async () => {
  workforce = await startWorkforce()
  stage = await Stage.open(workforce)
})
afterAll(() => workforce.close())

it('has a sample of every operation', () => {
  expect(gaps(workforceContract, samples)).toEqual([])
})

it('would notice a new operation without a sample', () => {
  const { operations } = workforceContract
  const grown = { ...workforceContract, operations: { ...operations, giveRaise: operations.changeEmployee } }
  expect(gaps(grown, samples)).toEqual(['giveRaise'])
})

describeMatrix({
  contract: partOf(workforceContract, peopleSamples),
  samples: peopleSamples,
  scene: (relation) => stage.scene(relation),
  send: (name, input, caller, csv) =>
    workforce.send(name as OperationName, input as Input<OperationName>, caller, csv),
})
