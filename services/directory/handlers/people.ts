import type { Database } from '#kit/database.ts'
import { DomainError } from '#kit/problem.ts'
import { assertWholeTenant } from '#kit/scope.ts'
import { transactional } from '#kit/server.ts'
import { peopleOperations } from '../contract/people.ts'
import { mask } from '../domain/masking.ts'
import { readAudit } from '../store/audit.ts'
import { assertInScope } from '../store/employee.ts'
import { readNames, searchEmployees, uuidCursor } from '../store/people.ts'
import { countReports, readOrgChart, readReportingLine } from '../store/reports.ts'

/** People of a chart at most, in one answer. */
const chartLimit = 2000

/** Reads over many employees. */
export const peopleHandlers = (database: Database) =>
  transactional({ operations: peopleOperations }, database, {
    searchEmployees: (search, tx) => searchEmployees(tx, search),

    async getOrgChart({ asOf, rootEmployeeId, depth, scope }, tx) {
      const root = rootEmployeeId ?? (scope.reach === 'all' ? null : scope.employeeId)
      if (root !== null) await assertInScope(tx, root, scope)
      const nodes = await readOrgChart(tx, {
        asOf: asOf ?? null,
        root,
        depth: scope.reach === 'self' ? 0 : depth,
        limit: chartLimit + 1,
      })
      return { nodes: nodes.slice(0, chartLimit), truncated: nodes.length > chartLimit }
    },

    async getReportingLine({ employeeId, asOf, scope }, tx) {
      await assertInScope(tx, employeeId, scope)
      return { line: await readReportingLine(tx, employeeId, asOf ?? null) }
    },

    async countReports({ employeeId, asOf, scope }, tx) {
      await assertInScope(tx, employeeId, scope)
      return countReports(tx, employeeId, asOf ?? null)
    },

    async getNames({ employeeIds }, tx) {
      return { items: await readNames(tx, employeeIds) }
    },

    async getAuditTrail({ object, id, unmask, cursor, limit, scope }, tx) {
      if (object === 'employee') await assertInScope(tx, id, scope)
      else assertWholeTenant(scope)
      if (unmask && scope.reach !== 'all')
        throw new DomainError('forbidden', { detail: 'Personal values need a role that reaches all' })
      const before = cursor === undefined ? null : uuidCursor(cursor)
      const rows = await readAudit(tx, { object, id, before, limit: limit + 1 })
      const items = rows.slice(0, limit).map((row) => {
        if (unmask) return { ...row, masked: false }
        const [shownBefore, shownAfter] = [mask(row.before), mask(row.after)]
        return {
          ...row,
          before: shownBefore.values,
          after: shownAfter.values,
          masked: shownBefore.masked || shownAfter.masked,
        }
      })
      return { items, next: rows.length > limit ? items.at(-1)!.id : null }
    },
  })
