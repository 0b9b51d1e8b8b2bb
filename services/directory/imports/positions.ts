import { randomUUIDv7 } from 'node:crypto'
import type { CommandTx } from '#kit/command.ts'
import type { Importer, ReadRow } from './importer.ts'
import { unitsByCode } from './lookups.ts'

interface PositionRow {
  code: string
  title: string
  orgUnit: string | null | undefined
}

interface Position {
  id: string
  code: string
  title: string
  orgUnitId: string | null
}

/** Positions by code. */
export const positionImporter: Importer<PositionRow> = {
  read(cells) {
    const code = cells.required('code', 40)
    const title = cells.required('title', 200)
    const orgUnit = cells.text('orgUnit', 40)
    return code === undefined || title === undefined ? undefined : { code, title, orgUnit }
  },
  keyOf: ({ code }) => ({ key: code, parentKey: null, startsOn: null }),
  keyFields: { key: 'code', parent: 'code' },
  async apply({ tx, import: job, rows }) {
    const values = rows.flatMap(({ value }) => (value ? [value] : []))
    const units = await unitsByCode(
      tx,
      values.map(({ orgUnit }) => orgUnit),
    )
    const known = await tx.query<Position>(
      'select id, code, title, org_unit_id as "orgUnitId" from position where code = any ($1) for no key update',
      [values.map(({ code }) => code)],
    )
    const byCode = new Map(known.map((position) => [position.code, position]))
    const written: Position[] = []
    for (const row of rows) {
      if (!row.value) continue
      const { code, title, orgUnit } = row.value
      const unit = orgUnit ? units.get(orgUnit) : undefined
      if (orgUnit && !unit) row.cells.error('org-unit-not-found', 'orgUnit', 'Is no code of an org unit')
      if (row.cells.failed) continue
      const before = byCode.get(code)
      const orgUnitId = orgUnit === undefined ? (before?.orgUnitId ?? null) : (unit?.id ?? null)
      row.outcome = outcomeOf(before, title, orgUnitId)
      if (row.outcome !== 'unchanged')
        written.push({ id: before?.id ?? randomUUIDv7(), code, title, orgUnitId })
    }
    if (!job.dryRun) await save(tx, written, byCode)
  },
}

function outcomeOf(
  before: Position | undefined,
  title: string,
  orgUnitId: string | null,
): ReadRow<PositionRow>['outcome'] {
  if (!before) return 'created'
  return before.title === title && before.orgUnitId === orgUnitId ? 'unchanged' : 'changed'
}

async function save(
  tx: CommandTx,
  positions: readonly Position[],
  known: ReadonlyMap<string, Position>,
): Promise<void> {
  const saved = await tx.query<{ id: string; version: number }>(
    `insert into position (tenant, id, code, title, org_unit_id)
     select $1, * from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[])
     on conflict (tenant, id) do update set title = excluded.title, org_unit_id = excluded.org_unit_id,
       updated_at = now(), version = position.version + 1
     returning id, version::float8 as version`,
    [
      tx.tenant,
      positions.map(({ id }) => id),
      positions.map(({ code }) => code),
      positions.map(({ title }) => title),
      positions.map(({ orgUnitId }) => orgUnitId),
    ],
  )
  const versions = new Map(saved.map(({ id, version }) => [id, version]))
  for (const { id, code, title, orgUnitId } of positions) {
    const before = known.get(code)
    const kind = before ? 'position-changed' : 'position-created'
    tx.emit({ kind, id, version: versions.get(id)!, changed: ['title', 'orgUnitId'] })
    tx.audit({
      object: 'position',
      id,
      before: before && { title: before.title, orgUnitId: before.orgUnitId },
      after: { code, title, orgUnitId },
    })
  }
}
