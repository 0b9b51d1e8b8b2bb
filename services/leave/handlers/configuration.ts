import { randomUUIDv7 } from 'node:crypto'
import type { Database } from '#kit/database.ts'
import { cutPage } from '#kit/page.ts'
import { assertWholeTenant } from '#kit/scope.ts'
import { transactional } from '#kit/server.ts'
import type { Clock } from '../clock.ts'
import { configurationOperations } from '../contract/configuration.ts'
import { addMonths } from '../domain/dates.ts'
import { assertRules } from '../domain/policy.ts'
import { refuse } from '../domain/refuse.ts'
import { rateAnew } from '../rules-change.ts'
import {
  insertPolicy,
  insertType,
  listPolicies,
  listTypes,
  putClosedThrough,
  putRules,
  readPolicy,
  readType,
  resetFloors,
  typeExists,
  updatePolicy,
  updateType,
} from '../store/configuration.ts'
import { idCursor } from '../store/cursor.ts'
import { loadClosedThrough, lockRules } from '../store/rules.ts'
import { assertVersion } from '../store/version.ts'
import { changesOf } from './changes.ts'

/** Operations on leave types, policies and closed periods. */
export const configurationHandlers = (database: Database, clock: Clock) => {
  const today = () => clock().toISOString().slice(0, 10)
  return transactional({ operations: configurationOperations }, database, {
    async createLeaveType({ scope, ...fields }, tx) {
      assertWholeTenant(scope)
      const id = randomUUIDv7()
      await insertType(tx, { id, ...fields })
      tx.emit({ kind: 'leave-type-created', id, version: 1, changed: Object.keys(fields) })
      tx.audit({ object: 'leave-type', id, after: fields })
      return readType(tx, id)
    },

    async changeLeaveType({ typeId: id, expectedVersion, changes, scope }, tx) {
      assertWholeTenant(scope)
      await lockRules(tx)
      const before = await readType(tx, id)
      assertVersion(before, expectedVersion)
      const { after, changed, of } = changesOf(before, changes)
      await updateType(tx, after)
      if (changes.negativeBalance) await resetFloors(tx, after)
      tx.emit({ kind: 'leave-type-changed', id, version: before.version + 1, changed })
      tx.audit({ object: 'leave-type', id, before: of(before), after: of(after) })
      return readType(tx, id)
    },

    async listLeaveTypes({ open = null, cursor, limit }, tx) {
      return cutPage(await listTypes(tx, { open, after: idCursor(cursor), limit: limit + 1 }), limit)
    },

    async createLeavePolicy({ scope, ...fields }, tx) {
      assertWholeTenant(scope)
      assertRules(fields.rules, '/rules')
      await lockRules(tx)
      if (!(await typeExists(tx, fields.typeId))) throw refuse('reference-unknown', { pointer: '/typeId' })
      const id = randomUUIDv7()
      await insertPolicy(tx, { id, ...fields })
      tx.emit({ kind: 'leave-policy-created', id, version: 1, changed: Object.keys(fields) })
      tx.audit({ object: 'leave-policy', id, after: fields })
      tx.enqueue(rateAnew({ cause: 'policy', from: fields.effectiveFrom, policyId: id }))
      return readPolicy(tx, id, fields.effectiveFrom)
    },

    async changeLeavePolicy({ policyId: id, expectedVersion, effectiveFrom, changes, scope }, tx) {
      assertWholeTenant(scope)
      if (changes.rules) assertRules(changes.rules, '/changes/rules')
      await lockRules(tx)
      const before = await readPolicy(tx, id, effectiveFrom)
      assertVersion(before, expectedVersion)
      const { after, changed, of } = changesOf(before, changes)
      await updatePolicy(tx, after)
      if (changes.rules) await putRules(tx, id, effectiveFrom, changes.rules)
      tx.emit({ kind: 'leave-policy-changed', id, version: before.version + 1, changed })
      tx.audit({
        object: 'leave-policy',
        id,
        before: { effectiveFrom: before.effectiveFrom, ...of(before) },
        after: { effectiveFrom, ...of(after) },
      })
      if (changes.rules || changes.rank !== undefined)
        tx.enqueue(rateAnew({ cause: 'policy', from: effectiveFrom, policyId: id }))
      return readPolicy(tx, id, effectiveFrom)
    },

    getLeavePolicy: ({ policyId, asOf = today() }, tx) => readPolicy(tx, policyId, asOf),

    async listLeavePolicies({ typeId = null, asOf = today(), cursor, limit }, tx) {
      const options = { typeId, asOf, after: idCursor(cursor), limit: limit + 1 }
      return cutPage(await listPolicies(tx, options), limit)
    },

    async closePeriod({ through, scope }, tx) {
      assertWholeTenant(scope)
      // What is closed stays closed: a year mistyped would end all leave.
      if (through > addMonths(today(), 1)) throw refuse('period-not-over', { pointer: '/through' })
      await lockRules(tx)
      const before = await loadClosedThrough(tx)
      if (before !== null && through < before)
        throw refuse('period-closed', { detail: `It is closed through ${before}`, pointer: '/through' })
      const version = await putClosedThrough(tx, through)
      tx.emit({ kind: 'period-closed', id: tx.tenant, version, changed: ['closedThrough'] })
      tx.audit({
        object: 'closed-period',
        id: tx.tenant,
        before: { closedThrough: before },
        after: { closedThrough: through },
      })
      return { closedThrough: through }
    },

    getClosedPeriod: async (_, tx) => ({ closedThrough: await loadClosedThrough(tx) }),
  })
}
