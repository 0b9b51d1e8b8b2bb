import type { Database } from '#kit/database.ts'
import { cutPage } from '#kit/page.ts'
import { assertWholeTenant } from '#kit/scope.ts'
import { transactional } from '#kit/server.ts'
import { tenantOperations } from '../contract/tenant.ts'
import { refuse } from '../domain/refuse.ts'
import {
  type EmployeeRow,
  readEmployee,
  readHistory,
  selectEmployees,
  toEmployee,
  toTerms,
} from '../store/employee.ts'
import { uuidCursor } from '../store/people.ts'
import { deleteSome, erasePerson, exportOrgUnits } from '../store/tenant.ts'

/** The life of a tenant's data. */
export const tenantHandlers = (database: Database) =>
  transactional({ operations: tenantOperations }, database, {
    async eraseEmployee({ employeeId: id, scope }, tx) {
      assertWholeTenant(scope)
      const [row] = await tx.query<{ erased: boolean }>(
        'select erased_at is not null as erased from employee where id = $1 for update',
        [id],
        'employee_erase_lock',
      )
      if (!row) throw refuse('employee-not-found')
      if (row.erased) return { employeeId: id, erased: true }
      if ((await readEmployee(tx, id, null)).status !== 'terminated')
        throw refuse('still-employed', { detail: 'Terminate the employment first' })
      const version = await erasePerson(tx, id)
      tx.emit({ kind: 'employee-erased', id, version, changed: ['person'] })
      tx.audit({ object: 'employee', id })
      return { employeeId: id, erased: true }
    },

    async exportEmployees({ employeeId, employeeIds, cursor, limit }, tx) {
      const some = employeeIds ?? (employeeId && [employeeId])
      // Two statements, since a condition that may not be asked is not looked up in an index.
      const rows = await tx.query<EmployeeRow>(
        `${selectEmployees} where ${some ? 'e.id = any ($4)' : '$4::uuid[] is null'}
           and ($2::uuid is null or e.id > $2)
         order by e.id limit $3`,
        [null, cursor === undefined ? null : uuidCursor(cursor), limit + 1, some ?? null],
        some ? 'employee_export_some' : 'employee_export',
      )
      const page = rows.slice(0, limit)
      const { employments, versions } = await readHistory(
        tx,
        page.map(({ id }) => id),
      )
      const employmentsOf = Map.groupBy(employments, (row) => row.employeeId)
      const versionsOf = Map.groupBy(versions, (row) => row.employeeId)
      return {
        items: page.map((row) => ({
          ...toEmployee(row),
          employments: employmentsOf.get(row.id) ?? [],
          versions: (versionsOf.get(row.id) ?? []).map(toTerms),
        })),
        next: rows.length > limit ? page.at(-1)!.id : null,
      }
    },

    async exportOrgUnits({ cursor, limit }, tx) {
      const units = await exportOrgUnits(tx, cursor === undefined ? null : uuidCursor(cursor), limit + 1)
      return cutPage(units, limit)
    },

    deleteTenantData: async (_, tx) => ({ done: await deleteSome(tx) }),
  })
