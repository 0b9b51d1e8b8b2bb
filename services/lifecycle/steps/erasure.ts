import { erasePerson } from '../export-store.ts'
import { tellLeave } from './leave-projection.ts'
import { orNull } from './missing.ts'
import type { Step } from './step.ts'

/** Erases a person in every context; done when all have confirmed. Directory is first, since it may refuse. */
export const erasureStep: Step<'erasure'> = {
  deadline: 12_000,
  places: 2,
  async take({ tenant, subject: employeeId }, { clients, call, now }) {
    await clients.directory(call).eraseEmployee({ employeeId, scope: { reach: 'all' } })
    // Not everybody has an account.
    await orNull('account-not-found', clients.identity(call).eraseAccount({ employeeId }))
    // Leave may not know yet that the person has left.
    await tellLeave(employeeId, clients, call)
    await clients.leave(call).eraseEmployee({ employeeId, scope: { reach: 'all' } })
    return {
      next: { state: 'done', why: null },
      progress: {},
      save: (tx) => erasePerson(tx, tenant, employeeId, now),
    }
  },
}
