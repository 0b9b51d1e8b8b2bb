import { type Call, callerOf } from '#kit/call.ts'
import { scopeFor } from '#kit/caller.ts'
import type { Handlers } from '#kit/server.ts'
import type { Clients } from '../clients.ts'
import type { employeeOperations } from '../contract/employees.ts'
import { scoped } from '../scoped.ts'

/** Personal values of an audit trail are for HR administrators; a manager sees which fields changed. */
const readsPersonalValues = (call: Call) => scopeFor(callerOf(call), { 'hr-admin': 'all' })?.reach === 'all'

export const employeeHandlers = (directory: Clients['directory']): Handlers<typeof employeeOperations> => ({
  searchEmployees({ q, asOf, updatedSince, cursor, limit, ...filters }, call) {
    return directory(call).searchEmployees(scoped({ q, asOf, updatedSince, cursor, limit, filters }, call))
  },
  hireEmployee: (input, call) => directory(call).hireEmployee(scoped(input, call)),
  getEmployee: (input, call) => directory(call).getEmployee(scoped(input, call)),
  getEmployeeHistory: (input, call) => directory(call).getEmployeeHistory(scoped(input, call)),
  getEmployeeAuditTrail({ employeeId: id, ...page }, call) {
    const unmask = readsPersonalValues(call)
    return directory(call).getAuditTrail(scoped({ object: 'employee', id, unmask, ...page }, call))
  },
  changeEmployee: (input, call) => directory(call).changeEmployee(scoped(input, call)),
  correctEmployee: (input, call) => directory(call).correctEmployee(scoped(input, call)),
  transferEmployee: (input, call) => directory(call).transferEmployee(scoped(input, call)),
  changePerson: (input, call) => directory(call).changePerson(scoped(input, call)),
  terminateEmployee: (input, call) => directory(call).terminateEmployee(scoped(input, call)),
  cancelTermination: (input, call) => directory(call).cancelTermination(scoped(input, call)),
  rehireEmployee: (input, call) => directory(call).rehireEmployee(scoped(input, call)),
  getOrgChart: (input, call) => directory(call).getOrgChart(scoped(input, call)),
  getReportingLine: (input, call) => directory(call).getReportingLine(scoped(input, call)),
  countReports: (input, call) => directory(call).countReports(scoped(input, call)),
})
