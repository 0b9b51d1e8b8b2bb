import { randomUUIDv7 } from 'node:crypto'
import type { Database } from '#kit/database.ts'
import { cutPage } from '#kit/page.ts'
import { transactional } from '#kit/server.ts'
import type { Clock } from '../clock.ts'
import { delegationOperations } from '../contract/requests.ts'
import { isEmployedFrom, todayOf } from '../domain/person.ts'
import { refuse } from '../domain/refuse.ts'
import { idCursor } from '../store/cursor.ts'
import {
  circleOf,
  insertDelegation,
  listDelegations,
  lockDelegation,
  lockDelegations,
  markEnded,
} from '../store/delegations.ts'
import { loadPeople, loadPerson } from '../store/people.ts'
import { assertReaches, isOwnOrHr } from '../store/scope.ts'
import { assertVersion } from '../store/version.ts'

/** Operations on delegations: an approver's own, or HR's. */
export const delegationHandlers = (database: Database, clock: Clock) =>
  transactional({ operations: delegationOperations }, database, {
    async createDelegation({ scope, ...asked }, tx) {
      const { delegatorId, delegateId, startsOn, endsOn } = asked
      if (!isOwnOrHr(scope, delegatorId))
        throw refuse('employee-not-found', {
          detail: 'Everybody delegates for themselves; HR does for others',
          pointer: '/delegatorId',
        })
      if (delegateId === delegatorId) throw refuse('delegation-to-oneself', { pointer: '/delegateId' })
      await lockDelegations(tx)
      const people = await loadPeople(tx, [delegatorId, delegateId])
      const [delegator, delegate] = [people.get(delegatorId), people.get(delegateId)]
      if (!delegator) throw refuse('employee-not-found', { pointer: '/delegatorId' })
      if (!delegate || !isEmployedFrom(delegate, todayOf(delegate, clock())))
        throw refuse('reference-unknown', { pointer: '/delegateId' })
      if (endsOn < startsOn)
        throw refuse('ends-before-start', {
          detail: `It would start on ${startsOn} and end on ${endsOn}`,
          pointer: '/endsOn',
        })
      const day = await circleOf(tx, asked)
      if (day)
        throw refuse('delegation-circle', {
          detail: `On ${day} the delegate delegates to who delegates, perhaps through others`,
          pointer: '/delegateId',
        })
      const created = { id: randomUUIDv7(), ...asked, version: 1 }
      await insertDelegation(tx, created)
      tx.emit({ kind: 'delegation-created', id: created.id, version: 1 })
      tx.audit({ object: 'delegation', id: created.id, after: asked })
      return created
    },

    async endDelegation({ delegationId: id, expectedVersion, scope }, tx) {
      const found = await lockDelegation(tx, id)
      if (!found || !isOwnOrHr(scope, found.delegatorId))
        throw refuse('delegation-not-found', { pointer: '/delegationId' })
      assertVersion(found, expectedVersion)
      await markEnded(tx, id)
      const version = found.version + 1
      tx.emit({ kind: 'delegation-ended', id, version })
      tx.audit({ object: 'delegation', id, before: found })
      return { ...found, version }
    },

    async listDelegations({ employeeId, scope, cursor, limit }, tx) {
      await assertReaches(tx, scope, employeeId, true)
      const today = todayOf(await loadPerson(tx, employeeId), clock())
      const rows = await listDelegations(tx, { employeeId, today, after: idCursor(cursor), limit: limit + 1 })
      return cutPage(rows, limit)
    },
  })
