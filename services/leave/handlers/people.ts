import type { Database } from '#kit/database.ts'
import { transactional } from '#kit/server.ts'
import type { Clock } from '../clock.ts'
import { peopleOperations } from '../contract/people.ts'
import { isEmployedFrom, todayOf } from '../domain/person.ts'
import { refuse } from '../domain/refuse.ts'
import { idCursor } from '../store/cursor.ts'
import { isErased, loadPerson, lockPerson, noteCompany, putEmployee, versionOf } from '../store/people.ts'
import { assertWholeTenant } from '../store/scope.ts'
import { deleteSome, erasePerson, exportLeave, exportSettings } from '../store/tenant.ts'

/** What lifecycle tells of people, and the end of their data. */
export const peopleHandlers = (database: Database, clock: Clock) =>
  transactional({ operations: peopleOperations }, database, {
    async putEmployee(input, tx) {
      const { employeeId, sourceVersion } = input
      const news = await putEmployee(tx, input)
      if (news === 'first') await noteCompany(tx, clock())
      // What is booked or requested of somebody goes by employments and terms.
      if (news === 'changed')
        tx.enqueue({
          task: 'rate-employee-anew',
          payload: { employeeId },
          key: `rate-employee-anew/${employeeId}`,
        })
      if (news === 'older') return { applied: false, sourceVersion: await versionOf(tx, employeeId) }
      return { applied: true, sourceVersion }
    },

    async eraseEmployee({ employeeId, scope }, tx) {
      assertWholeTenant(scope)
      await lockPerson(tx, employeeId)
      if (await isErased(tx, employeeId)) return { employeeId, erased: true }
      const person = await loadPerson(tx, employeeId)
      if (isEmployedFrom(person, todayOf(person, clock()))) throw refuse('still-employed')
      await erasePerson(tx, employeeId, tx.now)
      tx.audit({ object: 'employee', id: employeeId })
      return { employeeId, erased: true }
    },

    async exportLeave({ employeeId, cursor, limit }, tx) {
      const rows = await exportLeave(tx, employeeId ?? null, idCursor(cursor), limit + 1)
      const items = rows.slice(0, limit)
      return { items, next: rows.length > limit ? items.at(-1)!.employeeId : null }
    },

    exportLeaveSettings: (_, tx) => exportSettings(tx),

    deleteTenantData: async (_, tx) => ({ done: await deleteSome(tx) }),
  })
