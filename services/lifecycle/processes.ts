import { type Call, callerOf, scopeOf } from '#kit/call.ts'
import type { Database } from '#kit/database.ts'
import { cutPage } from '#kit/page.ts'
import { DomainError } from '#kit/problem.ts'
import { commanding, type Input, isOperator, reading, refuse } from './access.ts'
import type { Clients } from './clients.ts'
import { begin, find, list, wakeAgain } from './store.ts'

/** What is under way, for those who answer for it; and erasure, which is nothing but a process. */
export const processHandlers = (database: Database, clients: Clients) => ({
  async erasePerson(input: Input<'erasePerson'>, call: Call) {
    const { employeeId } = input
    const employee = await clients.directory(call).getEmployee({ employeeId, scope: scopeOf(call) })
    return commanding(database, call, input, async (tx) => {
      // The rule is directory's; asked here, the answer comes before anything has begun.
      if (employee.status !== 'terminated') throw refuse('still-employed')
      const { tenant } = callerOf(call)
      const process = await begin(tx, { tenant, kind: 'erasure', subject: employeeId, progress: {} }, tx.now)
      tx.audit({ object: 'employee', id: employeeId, after: { erasure: process.id } })
      return process
    })
  },

  listProcesses: ({ cursor, limit, ...filter }: Input<'listProcesses'>, call: Call) =>
    reading(database, call, async (tx) => {
      const { tenant } = callerOf(call)
      // Nobody but an operator sees another tenant; said here too, the index of the tenant serves it.
      if (!isOperator(call) && (filter.tenantId ?? tenant) !== tenant) return { items: [], next: null }
      const tenantId = isOperator(call) ? filter.tenantId : tenant
      const rows = await list(tx, { ...filter, tenantId, after: idFrom(cursor) }, limit)
      return cutPage(rows, limit)
    }),

  getProcess: ({ processId }: Input<'getProcess'>, call: Call) =>
    reading(database, call, async (tx) => {
      const process = await find(tx, processId)
      if (!process) throw refuse('process-not-found')
      return process
    }),

  retryProcess: (input: Input<'retryProcess'>, call: Call) =>
    commanding(database, call, input, async (tx) => {
      const process = await find(tx, input.processId, 'for update')
      if (!process) throw refuse('process-not-found')
      if (process.state === 'done') throw refuse('process-ended')
      tx.audit({ object: 'process', id: process.id, before: { state: process.state, why: process.why } })
      return wakeAgain(tx, process.tenantId, process.id, tx.now)
    }),
})

/** The cursor of the list is the id of the last process. */
function idFrom(cursor: string | undefined): string | undefined {
  if (cursor === undefined || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(cursor)) return cursor
  const detail = 'Is not a cursor of this list'
  throw new DomainError('invalid-input', {
    detail: `/cursor: ${detail}`,
    errors: [{ pointer: '/cursor', rule: 'cursor', detail }],
  })
}
