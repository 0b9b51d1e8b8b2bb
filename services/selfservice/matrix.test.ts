import { afterAll, beforeAll, describe } from 'vitest'
import type { TestCaller } from '#kit/testing.ts'
import { describeMatrix } from '../workforce/matrix/describe.ts'
import { just, leaveOf, monday, withDelegation, withPeople, withRequest } from '../workforce/matrix/leave.ts'
import type { Samples } from '../workforce/matrix/matrix.ts'
import { describeNasties } from '../workforce/matrix/nasties.ts'
import { type Scene, Stage } from '../workforce/matrix/scene.ts'
import { selfserviceContract } from './contract.ts'
import { startSelfservice, type TestSelfservice } from './testing.ts'

let selfservice: TestSelfservice
let stage: Stage
beforeAll(async () => {
  selfservice = await startSelfservice()
  stage = await Stage.open(selfservice.workforce)
})
afterAll(() => selfservice.close())

const type = (scene: Scene) => ({ typeId: leaveOf(scene).type.id })
const days = { startsOn: monday, endsOn: monday }
const period = { from: monday, to: monday }
const requestId = (scene: Scene) => ({ requestId: leaveOf(scene).request.id })
const request = (scene: Scene) => ({
  ...requestId(scene),
  expectedVersion: leaveOf(scene).request.version,
})
const approval = (scene: Scene) => ({ ...request(scene), decision: 'reject' as const })
const isRequest = (scene: Scene) => (item: { id: string }) => item.id === leaveOf(scene).request.id

/** Whoever calls is meant, not the target: nobody is out of reach. */
const oneself = { about: 'company', unreached: 'done' } as const

const samples: Samples<typeof selfserviceContract, Scene> = {
  getMyProfile: { ...oneself, input: () => ({}) },
  listMyBalances: { ...oneself, prepare: withPeople, input: () => ({}) },
  getMyStatement: { about: 'company', prepare: withPeople, input: type },
  getMySchedule: { ...oneself, prepare: withPeople, input: () => period },
  previewMyLeave: { about: 'company', prepare: withPeople, input: (scene) => ({ ...type(scene), ...days }) },
  requestLeave: { about: 'company', prepare: withPeople, input: (scene) => ({ ...type(scene), ...days }) },
  listMyRequests: {
    about: 'person',
    prepare: withRequest,
    input: () => ({}),
    shows: ({ items }, scene) => items.some(isRequest(scene)),
  },
  getMyRequest: { about: 'request', prepare: withRequest, input: requestId },
  cancelMyRequest: { about: 'cancellation', prepare: withRequest, input: request },
  getMyTeamCalendar: {
    about: 'person',
    prepare: withPeople,
    input: () => period,
    shows: ({ people, names }, { target }) =>
      people.some(({ employeeId }) => employeeId === target.id) && target.id in names,
  },
  listMyApprovals: {
    about: 'approval',
    prepare: withRequest,
    input: (scene) => ({ cursor: just(leaveOf(scene).request.id) }),
    shows: ({ items, names }, scene) => items.some(isRequest(scene)) && scene.target.id in names,
  },
  decideMyApproval: { about: 'approval', prepare: withRequest, input: approval },
  decideMyApprovals: {
    about: 'approval',
    prepare: withRequest,
    input: (scene) => ({ decisions: [approval(scene)] }),
    status: ({ results }) => results[0]!.status,
  },
  listMyDelegations: {
    about: 'person',
    prepare: withDelegation,
    input: () => ({}),
    shows: ({ items, names }, scene) =>
      items.some(({ id }) => id === leaveOf(scene).delegation.id) && leaveOf(scene).colleague.id in names,
  },
  delegateApprovals: {
    about: 'company',
    self: 422,
    unreached: 422,
    prepare: withPeople,
    input: ({ target }) => ({ delegateId: target.id, ...days }),
  },
  endMyDelegation: {
    about: 'person',
    own: true,
    prepare: withDelegation,
    input: (scene) => ({
      delegationId: leaveOf(scene).delegation.id,
      expectedVersion: leaveOf(scene).delegation.version,
    }),
  },
}

type Name = keyof typeof samples
const send = (name: string, input: object, caller: TestCaller | undefined) =>
  selfservice.send(name as Name, input as Parameters<typeof selfservice.send<Name>>[1], caller)

describe('by role and relation', () =>
  describeMatrix({
    contract: selfserviceContract,
    samples,
    scene: (relation) => stage.scene(relation),
    send,
  }))

describe('with nasty input', () =>
  describeNasties({
    contract: selfserviceContract,
    samples,
    scene: () => stage.scene('self'),
    caller: ({ caller }) => ({ ...caller, roles: ['employee:self'] }),
    send,
  }))
