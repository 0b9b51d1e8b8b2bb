import { z } from 'zod'
import { command, query } from '#kit/contract.ts'
import { listOf, pageOf, text } from '#kit/schemas.ts'
import { directoryContract } from '../../directory/contract.ts'
import { flag } from './query.ts'

const {
  searchEmployees,
  hireEmployee,
  getEmployee,
  getEmployeeHistory,
  changeEmployee,
  correctEmployee,
  transferEmployee,
  changePerson,
  terminateEmployee,
  cancelTermination,
  rehireEmployee,
  getOrgChart,
  getReportingLine,
  countReports,
  getAuditTrail,
} = directoryContract.operations

const { status: _, ...filters } = searchEmployees.input.shape.filters.unwrap().shape

const employee = getEmployee.output.meta({ id: 'Employee' })
const employeeSummary = searchEmployees.output.shape.items.element.meta({ id: 'EmployeeSummary' })
export const auditEntry = getAuditTrail.output.shape.items.element.meta({ id: 'AuditEntry' })
const newTerms = hireEmployee.input.shape.terms.meta({ id: 'NewTerms' })
const termsChanges = changeEmployee.input.shape.changes.meta({ id: 'TermsChanges' })

const readers = { 'hr-admin': 'all', manager: 'reports', employee: 'self' } as const
const supervisors = { 'hr-admin': 'all', manager: 'reports' } as const
const admins = { 'hr-admin': 'all' } as const

/** The people: found, read, hired, changed, leaving. The scope of the caller's roles is added by the handler. */
export const employeeOperations = {
  searchEmployees: query({
    summary: searchEmployees.summary,
    deadline: 3000,
    route: { method: 'GET', path: '/v1/employees' },
    roles: readers,
    input: z.strictObject({
      q: text(200).optional().meta({ description: 'Parts of name, number, e-mail or title' }),
      ...filters,
      status: listOf(getEmployee.output.shape.status)
        .optional()
        .meta({ description: 'Comma-separated; active and pending unless told' }),
      includeSubUnits: flag.default(true),
      ...searchEmployees.input.omit({ q: true, filters: true, scope: true }).shape,
    }),
    output: pageOf(employeeSummary),
  }),
  hireEmployee: command({
    summary: 'Hires a person, now, later or in the past; with an e-mail address the person gets an account',
    deadline: 5000,
    route: { method: 'POST', path: '/v1/employees', status: 201 },
    roles: admins,
    tenantWide: true,
    input: hireEmployee.input.omit({ scope: true }).extend({ terms: newTerms }),
    output: employee,
    errors: hireEmployee.errors,
  }),
  getEmployee: query({
    summary: getEmployee.summary,
    deadline: 2000,
    route: { method: 'GET', path: '/v1/employees/{employeeId}' },
    roles: readers,
    input: getEmployee.input.omit({ scope: true }),
    output: employee,
    errors: getEmployee.errors,
  }),
  getEmployeeHistory: query({
    summary: getEmployeeHistory.summary,
    deadline: 2000,
    route: { method: 'GET', path: '/v1/employees/{employeeId}/history' },
    roles: readers,
    input: getEmployeeHistory.input.omit({ scope: true }),
    output: getEmployeeHistory.output,
    errors: getEmployeeHistory.errors,
  }),
  getEmployeeAuditTrail: query({
    summary: getAuditTrail.summary,
    deadline: 3000,
    route: { method: 'GET', path: '/v1/employees/{employeeId}/audit-trail' },
    roles: supervisors,
    input: getEmployee.input
      .pick({ employeeId: true })
      .extend(getAuditTrail.input.pick({ cursor: true, limit: true }).shape),
    output: pageOf(auditEntry),
    errors: getAuditTrail.errors,
  }),
  changeEmployee: command({
    summary: changeEmployee.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/employees/{employeeId}/changes', ifMatch: 'expectedVersion' },
    roles: admins,
    input: changeEmployee.input.omit({ scope: true }).extend({ changes: termsChanges }),
    output: employee,
    errors: changeEmployee.errors,
  }),
  correctEmployee: command({
    summary: correctEmployee.summary,
    deadline: 5000,
    route: {
      method: 'PATCH',
      path: '/v1/employees/{employeeId}/versions/{effectiveFrom}',
      ifMatch: 'expectedVersion',
    },
    roles: admins,
    input: correctEmployee.input.omit({ scope: true }).extend({ changes: termsChanges }),
    output: employee,
    errors: correctEmployee.errors,
  }),
  transferEmployee: command({
    summary: transferEmployee.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/employees/{employeeId}/transfers', ifMatch: 'expectedVersion' },
    roles: admins,
    input: transferEmployee.input.omit({ scope: true }),
    output: employee,
    errors: transferEmployee.errors,
  }),
  changePerson: command({
    summary: changePerson.summary,
    deadline: 5000,
    route: { method: 'PATCH', path: '/v1/employees/{employeeId}/person', ifMatch: 'expectedVersion' },
    roles: admins,
    input: changePerson.input.omit({ scope: true }),
    output: employee,
    errors: changePerson.errors,
  }),
  terminateEmployee: command({
    summary: terminateEmployee.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/employees/{employeeId}/termination', ifMatch: 'expectedVersion' },
    roles: admins,
    input: terminateEmployee.input.omit({ scope: true }),
    output: employee,
    errors: terminateEmployee.errors,
  }),
  cancelTermination: command({
    summary: cancelTermination.summary,
    deadline: 5000,
    route: { method: 'DELETE', path: '/v1/employees/{employeeId}/termination', ifMatch: 'expectedVersion' },
    roles: admins,
    input: cancelTermination.input.omit({ scope: true }),
    output: employee,
    errors: cancelTermination.errors,
  }),
  rehireEmployee: command({
    summary: rehireEmployee.summary,
    deadline: 5000,
    route: { method: 'POST', path: '/v1/employees/{employeeId}/employments', ifMatch: 'expectedVersion' },
    roles: admins,
    input: rehireEmployee.input.omit({ scope: true }).extend({ terms: newTerms }),
    output: employee,
    errors: rehireEmployee.errors,
  }),
  getOrgChart: query({
    summary: getOrgChart.summary,
    deadline: 5000,
    route: { method: 'GET', path: '/v1/org-chart' },
    roles: readers,
    input: getOrgChart.input
      .omit({ scope: true })
      .extend({ depth: z.coerce.number().int().min(0).max(20).default(2) }),
    output: getOrgChart.output,
    errors: getOrgChart.errors,
  }),
  getReportingLine: query({
    summary: getReportingLine.summary,
    deadline: 2000,
    route: { method: 'GET', path: '/v1/employees/{employeeId}/reporting-line' },
    roles: readers,
    input: getReportingLine.input.omit({ scope: true }),
    output: getReportingLine.output,
    errors: getReportingLine.errors,
  }),
  countReports: query({
    summary: countReports.summary,
    deadline: 3000,
    route: { method: 'GET', path: '/v1/employees/{employeeId}/report-count' },
    roles: readers,
    input: countReports.input.omit({ scope: true }),
    output: countReports.output,
    errors: countReports.errors,
  }),
}
