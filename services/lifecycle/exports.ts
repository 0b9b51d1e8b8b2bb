import { randomUUIDv7 } from 'node:crypto'
import type { Call } from '#kit/call.ts'
import type { Database } from '#kit/database.ts'
import type { Tx } from '#kit/tx.ts'
import { commanding, type Input, reading, refuse } from './access.ts'
import type { Clients } from './clients.ts'
import { progressOf } from './domain/process.ts'
import { loadPage } from './export-store.ts'
import { begin, findBySubject } from './store.ts'

/** An export of all data of a tenant: begun here, collected by the worker, read here. */
export const exportHandlers = (database: Database, clients: Clients) => ({
  async exportTenant(input: Input<'exportTenant'>, call: Call) {
    const tenant = await clients.identity(call).getTenant({ id: input.tenantId })
    return commanding(database, call, input, async (tx) => {
      if (tenant.status === 'deleted') throw refuse('tenant-deleted')
      const exportId = randomUUIDv7()
      const process = await begin(
        tx,
        { tenant: tenant.id, kind: 'tenant-export', subject: exportId, progress: {} },
        tx.now,
      )
      tx.audit({ object: 'export', id: exportId, after: { tenant: tenant.id } })
      return { exportId, process }
    })
  },

  getExport: (input: Input<'getExport'>, call: Call) =>
    reading(database, call, async (tx) => {
      const { process, progress } = await load(tx, input)
      const { phase, records, expiresAt } = progress
      const status = phase === 'complete' || phase === 'expired' ? phase : 'collecting'
      return { exportId: input.exportId, status, records, expiresAt, process } as const
    }),

  listExportRecords: (input: Input<'listExportRecords'>, call: Call) =>
    reading(database, call, async (tx) => {
      const { process, progress } = await load(tx, input)
      if (progress.phase === 'expired') throw refuse('export-expired')
      if (progress.phase !== 'complete') throw refuse('export-not-ready')
      const number = Number(input.cursor ?? 1)
      const items = await loadPage(tx, input.tenantId, process.id, number)
      return { items, next: number < progress.pages ? String(number + 1) : null }
    }),
})

async function load(tx: Tx, { tenantId, exportId }: { tenantId: string; exportId: string }) {
  const process = await findBySubject(tx, tenantId, 'tenant-export', exportId)
  if (!process) throw refuse('export-not-found')
  return { process, progress: progressOf['tenant-export'].parse(process.progress) }
}
