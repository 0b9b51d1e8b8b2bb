import { randomUUIDv7 } from 'node:crypto'
import type { Database } from '#kit/database.ts'
import { cutPage } from '#kit/page.ts'
import { DomainError } from '#kit/problem.ts'
import { assertWholeTenant } from '#kit/scope.ts'
import { transactional } from '#kit/server.ts'
import type { Tx } from '#kit/tx.ts'
import { organizationOperations } from '../contract/organization.ts'
import { orgTree } from '../domain/org-tree.ts'
import { change, close, open } from '../domain/org-unit.ts'
import { refuse } from '../domain/refuse.ts'
import { orgUnitCycles } from '../store/cycles.ts'
import {
  insertOrgUnit,
  isUsedAfter,
  type LoadedOrgUnit,
  loadOrgUnit,
  type PositionView,
  positionColumns,
  readOrgUnit,
  readOrgUnits,
  readPosition,
  today,
  updateOrgUnit,
} from '../store/org-unit.ts'
import { uuidCursor } from '../store/people.ts'
import { checkUnitReferences } from '../store/references.ts'
import { lockTree } from '../store/tree-lock.ts'

/** Operations on org units and positions. */
export const organizationHandlers = (database: Database) =>
  transactional({ operations: organizationOperations }, database, {
    async createOrgUnit({ scope, code, opensOn, name, parentId, headId, costCentre }, tx) {
      assertWholeTenant(scope)
      await lockTree(tx)
      const terms = {
        name,
        parentId: parentId ?? null,
        headId: headId ?? null,
        costCentre: costCentre ?? null,
      }
      const id = randomUUIDv7()
      const unit = { id, code, ...open(opensOn, terms) }
      await checkUnitReferences(tx, unit, '')
      await insertOrgUnit(tx, unit)
      tx.emit({
        kind: 'org-unit-created',
        id,
        version: 1,
        changed: ['code', 'opensOn', ...Object.keys(terms)],
      })
      tx.audit({ object: 'org-unit', id, after: { code, opensOn, ...terms } })
      return readOrgUnit(tx, id, opensOn)
    },

    async changeOrgUnit({ orgUnitId: id, expectedVersion, effectiveFrom, changes, scope }, tx) {
      assertWholeTenant(scope)
      await lockTree(tx)
      const before = await loadOrgUnit(tx, id, expectedVersion)
      const { code, ...terms } = changes
      const after = { ...before, code: code ?? before.code, ...change(before, effectiveFrom, terms) }
      const version = await replaceOrgUnit(tx, after)
      const changed = Object.keys(changes)
      tx.emit({ kind: 'org-unit-changed', id, version, changed })
      tx.audit({ object: 'org-unit', id, before: onDate(before), after: onDate(after) })
      return readOrgUnit(tx, id, effectiveFrom)

      function onDate({ code, versions }: LoadedOrgUnit) {
        const version = versions.findLast(({ from }) => from <= effectiveFrom)!
        const fields = Object.entries({ code, ...version.terms }).filter(([name]) => changed.includes(name))
        return { effectiveFrom, ...Object.fromEntries(fields) }
      }
    },

    async closeOrgUnit({ orgUnitId: id, expectedVersion, closesOn, scope }, tx) {
      assertWholeTenant(scope)
      await lockTree(tx)
      const before = await loadOrgUnit(tx, id, expectedVersion)
      const after = { ...before, ...close(before, closesOn) }
      if (closesOn !== null && (await isUsedAfter(tx, id, closesOn))) throw refuse('org-unit-in-use')
      const version = await replaceOrgUnit(tx, after)
      const kind = closesOn === null ? 'org-unit-reopened' : 'org-unit-closed'
      tx.emit({ kind, id, version, changed: ['closesOn'] })
      tx.audit({ object: 'org-unit', id, before: { closesOn: before.closesOn }, after: { closesOn } })
      return readOrgUnit(tx, id, closesOn)
    },

    getOrgUnit: ({ orgUnitId, asOf }, tx) => readOrgUnit(tx, orgUnitId, asOf ?? null),

    async getOrgTree({ asOf = today(), rootOrgUnitId }, tx) {
      const units = orgTree(await readOrgUnits(tx, asOf), rootOrgUnitId)
      if (rootOrgUnitId && units.length === 0) throw refuse('org-unit-not-found')
      return { asOf, units }
    },

    async createPosition({ code, title, orgUnitId, scope }, tx) {
      assertWholeTenant(scope)
      await assertOrgUnit(tx, orgUnitId, '/orgUnitId')
      const id = randomUUIDv7()
      await tx.query(
        'insert into position (tenant, id, code, title, org_unit_id) values ($1, $2, $3, $4, $5)',
        [tx.tenant, id, code, title, orgUnitId ?? null],
        'position_insert',
      )
      tx.emit({ kind: 'position-created', id, version: 1, changed: ['code', 'title', 'orgUnitId'] })
      tx.audit({ object: 'position', id, after: { code, title, orgUnitId } })
      return readPosition(tx, id)
    },

    async changePosition({ positionId: id, expectedVersion, changes, scope }, tx) {
      assertWholeTenant(scope)
      const before = await readPosition(tx, id, 'for no key update')
      if (before.version !== expectedVersion)
        throw new DomainError('version-conflict', { detail: `The position is at version ${before.version}` })
      await assertOrgUnit(tx, changes.orgUnitId, '/changes/orgUnitId')
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
      const after: PositionView = { ...before, ...given }
      await tx.query(
        `update position set code = $2, title = $3, org_unit_id = $4, open = $5, updated_at = now(),
           version = version + 1 where id = $1`,
        [id, after.code, after.title, after.orgUnitId, after.open],
        'position_update',
      )
      const changed = Object.keys(given)
      tx.emit({ kind: 'position-changed', id, version: before.version + 1, changed })
      const pick = (view: PositionView) =>
        Object.fromEntries(Object.entries(view).filter(([name]) => changed.includes(name)))
      tx.audit({ object: 'position', id, before: pick(before), after: pick(after) })
      return readPosition(tx, id)
    },

    getPosition: ({ positionId }, tx) => readPosition(tx, positionId),

    async listPositions({ orgUnitId, open, cursor, limit }, tx) {
      const rows = await tx.query<PositionView>(
        `select ${positionColumns} from position
         where ($1::uuid is null or code > (select code from position where id = $1)) and ($2::uuid is null or org_unit_id = $2) and ($3::boolean is null or open = $3)
         order by code limit $4`,
        [cursor === undefined ? null : uuidCursor(cursor), orgUnitId ?? null, open ?? null, limit + 1],
        'position_list',
      )
      return cutPage(rows, limit)
    },
  })

/** Saves a state unless the unit would be inside itself, on whatever date, or inside one that isn't open. */
async function replaceOrgUnit(tx: Tx, unit: LoadedOrgUnit): Promise<number> {
  if (unit.versions.some(({ terms }) => terms.parentId === unit.id))
    throw refuse('org-unit-cycle', { pointer: '/changes/parentId' })
  await checkUnitReferences(tx, unit, '/changes')
  const version = await updateOrgUnit(tx, unit)
  const [cycle] = await orgUnitCycles(tx, [unit.id])
  if (cycle)
    throw refuse('org-unit-cycle', {
      detail: `The parent would be inside this unit on ${cycle.date}`,
      pointer: '/changes/parentId',
    })
  return version
}

async function assertOrgUnit(tx: Tx, id: string | null | undefined, pointer: string): Promise<void> {
  if (!id) return
  const [row] = await tx.query('select 1 from org_unit where id = $1', [id], 'org_unit_exists')
  if (!row) throw refuse('reference-unknown', { pointer })
}
