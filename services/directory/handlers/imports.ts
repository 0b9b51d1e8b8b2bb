import { randomUUIDv7 } from 'node:crypto'
import { type Call, callerOf } from '#kit/call.ts'
import { assertScope } from '#kit/caller.ts'
import type { Database } from '#kit/database.ts'
import { cutPage } from '#kit/page.ts'
import { DomainError } from '#kit/problem.ts'
import { assertWholeTenant } from '#kit/scope.ts'
import { transactional } from '#kit/server.ts'
import { importFields, importOperations } from '../contract/imports.ts'
import {
  endImport,
  type ImportKind,
  type ImportView,
  insertImport,
  lockImport,
  queueImport,
  readImport,
  readImports,
  readIssues,
} from '../store/import.ts'
import { uuidCursor } from '../store/people.ts'
import { storeFile } from '../store/upload.ts'

/** How long a file that nobody imports is kept, in milliseconds. */
const keptFor = 7 * 24 * 3600 * 1000

/** Imports: prepared here, done by the worker. */
export const importHandlers = (database: Database) => ({
  ...transactional({ operations: importOperations }, database, {
    async createImport({ kind, mapping, options: { dryRun, ...options }, scope }, tx) {
      assertWholeTenant(scope)
      assertMapping(kind, mapping)
      const id = randomUUIDv7()
      const { account, client } = callerOf(tx.call)
      await insertImport(tx, { id, kind, dryRun, mapping, options, account, client })
      tx.audit({ object: 'import', id, after: { kind, dryRun, mapping, options } })
      return readImport(tx, id)
    },

    async startImport({ importId: id, dryRun, scope }, tx) {
      assertWholeTenant(scope)
      const found = await lockImport(tx, id, ['uploaded', 'validated'])
      const { account, client } = callerOf(tx.call)
      const chosen = dryRun ?? found.dryRun
      await queueImport(tx, id, { dryRun: chosen, account, client })
      tx.enqueue({ task: 'run-import', payload: { importId: id }, key: `run-import/${id}` })
      tx.audit({ object: 'import', id, after: { dryRun: chosen } })
      return readImport(tx, id)
    },

    async getImport({ importId, scope }, tx) {
      assertWholeTenant(scope)
      return readImport(tx, importId)
    },

    async listImports({ cursor, limit, scope }, tx) {
      assertWholeTenant(scope)
      const rows = await readImports(tx, cursor === undefined ? null : uuidCursor(cursor), limit + 1)
      return cutPage(rows, limit)
    },

    async listImportErrors({ importId, severity, cursor, limit, scope }, tx) {
      assertWholeTenant(scope)
      await readImport(tx, importId)
      const after = positionOf(cursor)
      const rows = await readIssues(tx, { importId, severity: severity ?? null, after, limit: limit + 1 })
      const items = rows.slice(0, limit)
      const last = items.at(-1)
      return { items, next: last && rows.length > limit ? `${last.line}.${last.number}` : null }
    },

    async cancelImport({ importId: id, scope }, tx) {
      assertWholeTenant(scope)
      await lockImport(tx, id, ['created', 'uploaded', 'queued', 'running', 'validated'])
      await endImport(tx, id, 'cancelled')
      tx.audit({ object: 'import', id, after: { state: 'cancelled' } })
      return readImport(tx, id)
    },
  }),

  /** Idempotent by itself: it puts the file, and the same file changes nothing. */
  async uploadImportFile({ importId: id }: { importId: string }, call: Call): Promise<ImportView> {
    assertScope(callerOf(call), { reach: 'all' })
    return database.write(call, async (tx) => {
      await lockImport(tx, id, ['created', 'uploaded', 'validated', 'failed'])
      const { bytes, digest } = await storeFile(tx, id, call.body!)
      await tx.query(
        `update import set state = 'uploaded', file_bytes = $2, file_digest = $3, version = version + 1
         where id = $1 and (file_digest is distinct from $3 or state = 'failed')`,
        [id, bytes, digest],
        'import_file',
      )
      tx.enqueue({
        task: 'discard-import',
        payload: { importId: id },
        key: `discard-import/${id}`,
        runAt: new Date(tx.now.getTime() + keptFor),
      })
      tx.audit({ object: 'import', id, after: { bytes, digest } })
      return readImport(tx, id)
    })
  },
})

/** Each column is a field of the kind, and no field is filled by two columns. */
function assertMapping(kind: ImportKind, mapping: Record<string, string>): void {
  const fields: readonly string[] = importFields[kind]
  const seen = new Set<string>()
  const errors = Object.entries(mapping).flatMap(([header, field]) => {
    const pointer = `/mapping/${header.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (!fields.includes(field))
      return [{ pointer, rule: 'field', detail: `Is not a field of ${kind}: ${fields.join(', ')}` }]
    if (seen.has(field))
      return [{ pointer, rule: 'duplicate', detail: `Another column is mapped to ${field} already` }]
    seen.add(field)
    return []
  })
  if (errors.length > 0) throw new DomainError('invalid-input', { errors })
}

function positionOf(cursor: string | undefined): [number, number] {
  if (cursor === undefined) return [0, 0]
  const match = /^(\d{1,9})\.(\d{1,9})$/.exec(cursor)
  if (!match)
    throw new DomainError('invalid-input', {
      errors: [{ pointer: '/cursor', rule: 'cursor', detail: 'Is not a cursor of this list' }],
    })
  return [Number(match[1]), Number(match[2])]
}
