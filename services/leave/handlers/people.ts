import type { CommandTx } from '#kit/command.ts'
import type { Database } from '#kit/database.ts'
import { assertWholeTenant } from '#kit/scope.ts'
import { transactional } from '#kit/server.ts'
import type { Clock } from '../clock.ts'
import { peopleOperations } from '../contract/people.ts'
import { isEmployedFrom, todayOf } from '../domain/person.ts'
import { refuse } from '../domain/refuse.ts'
import { idCursor } from '../store/cursor.ts'
import {
  type EmployeeFacts,
  isErased,
  knownVersions,
  loadPerson,
  lockPerson,
  noteCompany,
  putEmployees,
} from '../store/people.ts'
import { deleteSome, erasePerson, exportLeave, exportSettings } from '../store/tenant.ts'

/** What lifecycle tells of people, and the end of their data. */
export const peopleHandlers = (database: Database, clock: Clock) =>
  transactional({ operations: peopleOperations }, database, {
    putEmployee: async (input, tx) => (await put([input], tx, clock()))[0]!,

    putEmployees: async ({ employees }, tx) => ({ items: await put(employees, tx, clock()) }),

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

/** Takes over what is newer; answers with what is known now, in the order given. */
async function put(employees: readonly EmployeeFacts[], tx: CommandTx, now: Date) {
  const news = await putEmployees(tx, employees)
  if ([...news.values()].includes('first')) await noteCompany(tx, now)
  // What is booked or requested of somebody goes by employments and terms.
  for (const [employeeId, what] of news)
    if (what === 'changed')
      tx.enqueue({
        task: 'rate-employee-anew',
        payload: { employeeId },
        key: `rate-employee-anew/${employeeId}`,
      })
  const older = [...news].flatMap(([id, what]) => (what === 'older' ? [id] : []))
  const known = older.length > 0 ? await knownVersions(tx, older) : new Map<string, number>()
  return employees.map(({ employeeId, sourceVersion }) => ({
    employeeId,
    applied: !known.has(employeeId),
    sourceVersion: known.get(employeeId) ?? sourceVersion,
  }))
}
