import type { Progress, State } from '../domain/process.ts'
import { forgetTenant } from '../store.ts'
import { leaveProjectionStep } from './leave-projection.ts'
import { leaseOf, type Step } from './step.ts'

/**
 * Suspends a tenant, waits the time of grace, removes its data round by round, the tenant itself last: as long as
 * the tenant is there, a token for it can be had and the removal can go on.
 */
export const tenantDeletionStep: Step<'tenant-deletion'> = {
  deadline: 25_000,
  places: 2,
  async take({ tenant: id, progress }, { clients, call, now }) {
    const on = (
      phase: Progress<'tenant-deletion'>['phase'],
      next: State = { state: 'scheduled', at: now, why: null },
    ) => ({
      next,
      progress: { ...progress, phase },
    })
    // Each round is a command of its own.
    const round = { step: String(progress.rounds) }
    const counted = ({ next, progress }: ReturnType<typeof on>) => ({
      next,
      progress: { ...progress, rounds: progress.rounds + 1 },
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
        const { done } = await clients.directory(call).deleteTenantData({}, round)
        if (!done) return counted(on('remove'))
        // Who has read of an employee before may still tell leave: only then can its data go for good.
        const at = new Date(now.getTime() + leaseOf(leaveProjectionStep))
        return counted(on('remove-leave', { state: 'scheduled', at, why: 'late-facts' }))
      }
      case 'remove-leave': {
        const { done } = await clients.leave(call).deleteTenantData({}, round)
        return counted(on(done ? 'forget' : 'remove-leave'))
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
