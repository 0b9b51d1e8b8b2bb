import { afterAll, beforeAll, describe } from 'vitest'
import type { TestCaller } from '#kit/testing.ts'
import { workforceContract } from './contract.ts'
import { describeMatrix } from './matrix/describe.ts'
import { leaveSamples } from './matrix/leave-samples.ts'
import { partOf } from './matrix/matrix.ts'
import { describeNasties } from './matrix/nasties.ts'
import { Stage } from './matrix/scene.ts'
import { type Input, type OperationName, startWorkforce, type TestWorkforce } from './testing.ts'

// A file of its own runs beside that of the people.

let workforce: TestWorkforce
let stage: Stage
beforeAll(async () => {
  workforce = await startWorkforce()
  stage = await Stage.open(workforce)
})
afterAll(() => workforce.close())

const contract = partOf(workforceContract, leaveSamples)
const send = (name: string, input: object, caller: TestCaller | undefined, csv: string | undefined) =>
  workforce.send(name as OperationName, input as Input<OperationName>, caller, csv)

describe('by role and relation', () =>
  describeMatrix({ contract, samples: leaveSamples, scene: (relation) => stage.scene(relation), send }))

describe('with nasty input', () =>
  describeNasties({
    contract,
    samples: leaveSamples,
    scene: () => stage.scene('direct'),
    caller: ({ admin }) => admin,
    send,
  }))
