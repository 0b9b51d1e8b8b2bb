import type { Progress, State } from '../domain/process.ts'
import { forgetTenant } from '../store.ts'
import type { Step } from './step.ts'

/**
 * Suspends a tenant, waits the time of grace, removes its data round by round, the tenant itself last: as long as
 * the tenant is there, a token for it can be had and the removal can go on.
 */
export const tenantDeletionStep: Step<'tenant-deletion'> = {
  deadline: 25_000,
  async take({ tenant: id, progress }, { clients, call, now }) {
    const on = (
      phase: Progress<'tenant-deletion'>['phase'],
      next: State = { state: 'scheduled', at: now, why: null },
    ) => ({
      next,
      progress: { ...progress, phase },
    })
    switch (progress.phase) {
      case 'close':
        await clients.identity(call).suspendTenant({ id, reason: 'The tenant is going to be deleted' })
        return on('grace', { state: 'scheduled', at: new Date(progress.deleteAt), why: 'grace-period' })
      case 'grace':
        // Woken early, e.g. by a retry, it goes on waiting.
        if (new Date(progress.deleteAt) > now)
          return on('grace', { state: 'scheduled', at: new Date(progress.deleteAt), why: 'grace-period' })
        // Written down before anything is removed: from here on it can't be called off.
        return on('remove')
      case 'remove': {
        const { done } = await clients.directory(call).deleteTenantData({}, { step: String(progress.rounds) })
        const { progress: after, next } = on(done ? 'forget' : 'remove')
        return { next, progress: { ...after, rounds: progress.rounds + 1 } }
      }
      case 'forget':
        await clients.identity(call).deleteTenant({ id })
        return { ...on('removed', { state: 'done', why: null }), save: (tx) => forgetTenant(tx, id) }
      case 'removed':
        return on('removed', { state: 'done', why: null })
      case 'cancelled':
        return on('cancelled', { state: 'done', why: 'cancelled' })
    }
  },
}
