import { afterAll, beforeAll, expect, it } from 'vitest'
import { workforceContract } from './contract.ts'
import { describeMatrix } from './matrix/describe.ts'
import { gaps } from './matrix/matrix.ts'
import { samples } from './matrix/samples.ts'
import { Stage } from './matrix/scene.ts'
import { type Input, type OperationName, startWorkforce, type TestWorkforce } from './testing.ts'

let workforce: TestWorkforce
let stage: Stage
beforeAll(async () => {
  workforce = await startWorkforce()
  stage = await Stage.open(workforce)
})
afterAll(() => workforce.close())

it('would notice a new operation without a sample', () => {
  const { operations } = workforceContract
  const grown = { ...workforceContract, operations: { ...operations, giveRaise: operations.changeEmployee } }
  expect(gaps(grown, samples)).toEqual(['giveRaise'])
})

describeMatrix({
  contract: workforceContract,
  samples,
  scene: (relation) => stage.scene(relation),
  send: (name, input, caller, csv) =>
    workforce.send(name as OperationName, input as Input<OperationName>, caller, csv),
})
