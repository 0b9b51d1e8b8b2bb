import { command, query } from '#kit/contract.ts'
import { pageOf } from '#kit/schemas.ts'
import { leaveContract } from '../../leave/contract.ts'

const {
  listBalances,
  getStatement,
  grantLeave,
  adjustBalance,
  grantLeaveByFile,
  startLeaveRun,
  getLeaveRun,
  listLeaveRuns,
} = leaveContract.operations

const run = getLeaveRun.output.meta({ id: 'LeaveRun' })

const supervisors = { 'hr-admin': 'all', manager: 'reports' } as const
const admins = { 'hr-admin': 'all' } as const

/** What employees have of each leave type, how it came about, and how HR adds to it. */
export const leaveBalanceOperations = {
  listLeaveBalances: query({
    summary: listBalances.summary,
    deadline: 3000,
    route: { method: 'GET', path: '/v1/employees/{employeeId}/leave/balances' },
    roles: supervisors,
    input: listBalances.input.omit({ scope: true }),
    output: listBalances.output,
    errors: listBalances.errors,
  }),
  getLeaveStatement: query({
    summary: getStatement.summary,
    deadline: 3000,
    route: { method: 'GET', path: '/v1/employees/{employeeId}/leave/balances/{typeId}/statement' },
    roles: supervisors,
    input: getStatement.input.omit({ scope: true }),
    output: getStatement.output,
    errors: getStatement.errors,
  }),
  grantLeave: command({
    summary: grantLeave.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/employees/{employeeId}/leave/balances/{typeId}/grants', status: 201 },
    roles: admins,
    input: grantLeave.input.omit({ scope: true }),
    output: grantLeave.output,
    errors: grantLeave.errors,
  }),
  adjustLeaveBalance: command({
    summary: adjustBalance.summary,
    deadline: 5000,
    route: {
      method: 'POST',
      path: '/v1/employees/{employeeId}/leave/balances/{typeId}/adjustments',
      status: 201,
    },
    roles: admins,
    input: adjustBalance.input.omit({ scope: true }),
    output: adjustBalance.output,
    errors: adjustBalance.errors,
  }),
  grantLeaveByFile: command({
    summary: grantLeaveByFile.summary,
    deadline: 60_000,
    route: { method: 'POST', path: '/v1/leave/grants' },
    roles: admins,
    tenantWide: true,
    upload: grantLeaveByFile.upload!,
    input: grantLeaveByFile.input,
    output: grantLeaveByFile.output,
    errors: grantLeaveByFile.errors,
  }),
  startLeaveRun: command({
    summary: startLeaveRun.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/leave/runs', status: 202 },
    roles: admins,
    tenantWide: true,
    input: startLeaveRun.input.omit({ scope: true }),
    output: run,
    errors: startLeaveRun.errors,
  }),
  getLeaveRun: query({
    summary: getLeaveRun.summary,
    deadline: 2000,
    route: { method: 'GET', path: '/v1/leave/runs/{runId}' },
    roles: admins,
    tenantWide: true,
    input: getLeaveRun.input.omit({ scope: true }),
    output: run,
    errors: getLeaveRun.errors,
  }),
  listLeaveRuns: query({
    summary: listLeaveRuns.summary,
    deadline: 2000,
    route: { method: 'GET', path: '/v1/leave/runs' },
    roles: admins,
    tenantWide: true,
    input: listLeaveRuns.input.omit({ scope: true }),
    output: pageOf(run),
    errors: listLeaveRuns.errors,
  }),
}
