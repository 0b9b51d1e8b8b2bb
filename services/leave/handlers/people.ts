import type { Database } from '#kit/database.ts'
import { transactional } from '#kit/server.ts'
import { peopleOperations } from '../contract/people.ts'
import { noteCompany, putEmployee } from '../store/people.ts'

/** What lifecycle tells of people. */
export const peopleHandlers = (database: Database) =>
  transactional({ operations: peopleOperations }, database, {
    async putEmployee(input, tx) {
      const applied = await putEmployee(tx, input)
      const { employeeId, sourceVersion } = input
      if (applied) {
        await noteCompany(tx)
        tx.enqueue({
          task: 'rate-employee-anew',
          payload: { employeeId },
          key: `rate-employee-anew/${employeeId}`,
        })
      }
      return { applied, sourceVersion }
    },
  })
