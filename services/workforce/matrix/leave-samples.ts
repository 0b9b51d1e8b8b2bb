import type { Operations } from '#kit/contract.ts'
import type { leaveBalanceOperations } from '../contract/leave-balances.ts'
import type { leaveRequestOperations } from '../contract/leave-requests.ts'
import type { leaveSettingOperations } from '../contract/leave-settings.ts'
import {
  eve,
  just,
  leaveOf,
  monday,
  withCalendar,
  withColleague,
  withDelegation,
  withoutRun,
  withPattern,
  withPeople,
  withPolicy,
  withRequest,
  withRules,
  withRun,
  withType,
} from './leave.ts'
import type { Sample } from './matrix.ts'
import { type Scene, unique } from './scene.ts'

type SamplesOf<O extends Operations> = { [K in keyof O]: Sample<O[K], Scene> }

const employee = ({ target }: Scene) => ({ employeeId: target.id })
const account = (scene: Scene) => ({ ...employee(scene), typeId: leaveOf(scene).type.id })
const asked = (scene: Scene) => ({ ...account(scene), startsOn: monday, endsOn: monday })
const days = { from: monday, to: monday }
const requestOf = (scene: Scene) => ({ requestId: leaveOf(scene).request.id })
const request = (scene: Scene) => ({
  ...requestOf(scene),
  expectedVersion: leaveOf(scene).request.version,
})
const approval = (scene: Scene) => ({ ...request(scene), decision: 'approve' as const })

const leaveRequestSamples: SamplesOf<typeof leaveRequestOperations> = {
  listLeaveRequests: {
    about: 'request',
    prepare: withRequest,
    input: employee,
    shows: ({ items }, scene) => items.some(({ id }) => id === leaveOf(scene).request.id),
  },
  getLeaveRequest: { about: 'request', prepare: withRequest, input: requestOf },
  listLeaveApprovals: {
    about: 'approval',
    prepare: withRequest,
    input: (scene) => ({ cursor: just(leaveOf(scene).request.id) }),
    shows: ({ items }, scene) => items.some(({ id }) => id === leaveOf(scene).request.id),
  },
  decideLeaveRequest: { about: 'approval', prepare: withRequest, input: approval },
  decideLeaveRequests: {
    about: 'approval',
    prepare: withRequest,
    input: (scene) => ({ decisions: [approval(scene)] }),
    status: ({ results }) => results[0]!.status,
  },
  previewLeaveFor: { about: 'person', prepare: withPeople, input: asked },
  requestLeaveFor: { about: 'person', prepare: withPeople, input: asked },
  cancelLeaveRequest: { about: 'cancellation', prepare: withRequest, input: request },
  getLeaveCalendar: {
    about: 'person',
    prepare: withPeople,
    input: ({ target }) => ({ ...days, cursor: just(target.id) }),
    shows: ({ people }, { target }) => people.some(({ employeeId }) => employeeId === target.id),
  },
  listDelegations: { about: 'person', prepare: withPeople, input: employee },
  createDelegation: {
    about: 'person',
    prepare: withColleague,
    input: (scene) => ({
      ...employee(scene),
      delegateId: leaveOf(scene).colleague.id,
      startsOn: monday,
      endsOn: monday,
    }),
  },
  endDelegation: {
    about: 'person',
    prepare: withDelegation,
    input: (scene) => ({
      delegationId: leaveOf(scene).delegation.id,
      expectedVersion: leaveOf(scene).delegation.version,
    }),
  },
}

const leaveBalanceSamples: SamplesOf<typeof leaveBalanceOperations> = {
  listLeaveBalances: { about: 'person', prepare: withPeople, input: employee },
  getLeaveStatement: { about: 'person', prepare: withPeople, input: account },
  grantLeave: {
    about: 'person',
    prepare: withPeople,
    input: (scene) => ({ ...account(scene), amount: 1, usableFrom: monday, reason: 'Moves house' }),
  },
  adjustLeaveBalance: {
    about: 'person',
    prepare: withPeople,
    input: (scene) => ({ ...account(scene), amount: -1, reason: 'Was booked twice' }),
  },
  grantLeaveByFile: {
    about: 'company',
    unreached: 'done',
    input: () => ({}),
    csv: 'employeeNumber,leaveType,amount,usableFrom,reason\n1,VAC,1,2024-01-01,Overtime\n',
  },
  startLeaveRun: { about: 'company', unreached: 'done', wait: withoutRun, input: () => ({}) },
  getLeaveRun: {
    about: 'company',
    prepare: withRun,
    input: (scene) => ({ runId: leaveOf(scene).run.id }),
  },
  listLeaveRuns: {
    about: 'company',
    prepare: withRun,
    input: () => ({ limit: 200 }),
    shows: ({ items }, scene) => items.some(({ id }) => id === leaveOf(scene).run.id),
  },
}

let closedThrough = Temporal.PlainDate.from('1990-01-01')
const another = () => ({ code: unique(), name: 'Another' })
const calendar = (scene: Scene) => ({ calendarId: leaveOf(scene).calendar.id })
const changed = ({ version }: { version: number }) => ({
  expectedVersion: version,
  changes: { name: 'Renamed' },
})

const leaveSettingSamples: SamplesOf<typeof leaveSettingOperations> = {
  createLeaveType: { about: 'company', unreached: 'done', input: another },
  changeLeaveType: {
    about: 'company',
    prepare: withType,
    input: (scene) => ({ typeId: leaveOf(scene).type.id, ...changed(leaveOf(scene).type) }),
  },
  listLeaveTypes: {
    about: 'company',
    prepare: withRules,
    input: () => ({ limit: 200 }),
    shows: ({ items }, scene) => items.some(({ id }) => id === leaveOf(scene).type.id),
  },
  createLeavePolicy: {
    about: 'company',
    unreached: 422,
    prepare: withRules,
    input: (scene) => ({
      ...another(),
      typeId: leaveOf(scene).type.id,
      effectiveFrom: '2024-01-01',
      rules: { accrual: null, approval: [{ approver: 'manager' }] },
    }),
  },
  changeLeavePolicy: {
    about: 'company',
    prepare: withPolicy,
    input: (scene) => ({
      policyId: leaveOf(scene).policy.id,
      effectiveFrom: '2024-01-01',
      ...changed(leaveOf(scene).policy),
    }),
  },
  getLeavePolicy: {
    about: 'company',
    prepare: withRules,
    input: (scene) => ({ policyId: leaveOf(scene).policy.id }),
  },
  listLeavePolicies: {
    about: 'company',
    prepare: withRules,
    input: (scene) => ({ typeId: leaveOf(scene).type.id }),
    shows: ({ items }, scene) => items.some(({ id }) => id === leaveOf(scene).policy.id),
  },
  closePeriod: {
    about: 'company',
    unreached: 'done',
    input() {
      closedThrough = closedThrough.add({ days: 1 })
      return { through: closedThrough.toString() }
    },
  },
  getClosedPeriod: { about: 'company', unreached: 'done', input: () => ({}) },
  createHolidayCalendar: { about: 'company', unreached: 'done', input: another },
  changeHolidayCalendar: {
    about: 'company',
    prepare: withCalendar,
    input: (scene) => ({ ...calendar(scene), ...changed(leaveOf(scene).calendar) }),
  },
  listHolidayCalendars: {
    about: 'company',
    prepare: withRules,
    input: () => ({ limit: 200 }),
    shows: ({ items }, scene) => items.some(({ id }) => id === leaveOf(scene).calendar.id),
  },
  getHolidays: { about: 'company', prepare: withRules, input: (scene) => ({ ...calendar(scene), ...days }) },
  addPublicHolidays: {
    about: 'company',
    prepare: withRules,
    input: (scene) => ({ ...calendar(scene), years: [2024] }),
  },
  setHolidays: {
    about: 'company',
    prepare: withRules,
    input: (scene) => ({ ...calendar(scene), holidays: [{ date: '2024-12-31', name: 'Eve' }] }),
  },
  removeHoliday: {
    about: 'company',
    prepare: withCalendar,
    input: (scene) => ({ ...calendar(scene), date: eve }),
  },
  createWorkingPattern: {
    about: 'company',
    unreached: 'done',
    input: () => ({ ...another(), weeks: [[480, 480, 480, 480, 0, 0, 0]] }),
  },
  changeWorkingPattern: {
    about: 'company',
    prepare: withPattern,
    input: (scene) => ({ patternId: leaveOf(scene).pattern.id, ...changed(leaveOf(scene).pattern) }),
  },
  listWorkingPatterns: {
    about: 'company',
    prepare: withRules,
    input: () => ({ limit: 200 }),
    shows: ({ items }, scene) => items.some(({ id }) => id === leaveOf(scene).pattern.id),
  },
  assignSchedule: {
    about: 'person',
    prepare: withPeople,
    input: (scene) => ({
      ...employee(scene),
      effectiveFrom: '2024-01-01',
      patternId: leaveOf(scene).pattern.id,
      calendarId: null,
    }),
  },
  getSchedule: { about: 'person', prepare: withPeople, input: (scene) => ({ ...employee(scene), ...days }) },
}

export const leaveSamples = { ...leaveRequestSamples, ...leaveBalanceSamples, ...leaveSettingSamples }
