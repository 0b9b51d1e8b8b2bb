import { afterAll, beforeAll } from 'vitest'
import { workforceContract } from './contract.ts'
import { partOf } from './matrix/matrix.ts'
import { describeNasties } from './matrix/nasties.ts'
import { peopleSamples } from './matrix/samples.ts'
import { Stage } from './matrix/scene.ts'
import { type Input, type OperationName, startWorkforce, type TestWorkforce } from './testing.ts'

let workforce: TestWorkforce
let stage: Stage
beforeAll(async () => {
  workforce = await startWorkforce()
  stage = await Stage.open(workforce)
})
afterAll(() => workforce.close())

describeNasties({
  contract: partOf(workforceContract, peopleSamples),
  samples: peopleSamples,
  scene: () => stage.scene('direct'),
  caller: ({ admin }) => admin,
  send: (name, input, caller, csv) =>
    workforce.send(name as OperationName, input as Input<OperationName>, caller, csv),
})
